// A conversation as a chat template takes it: many templates refuse, or drop in silence, what others show.
import type { ChatMessage } from "../../adapter.ts";
import type { TemplateForms } from "../../prompts.ts";
import { withNineCharacterIds } from "./call-ids.ts";
import { withPlainCalls, withSingleCalls } from "./calls.ts";
import { withSystemAllowed } from "./system-messages.ts";
import { withRolesInOrder } from "./alternation.ts";

/** What the template takes as it is stays as it is, so that the prompts are those of llama.cpp's own chat route. */
export function fitMessages(messages: readonly ChatMessage[], forms: TemplateForms): ChatMessage[] {
  let fitting = [...messages];
  if (!forms.calls) fitting = withPlainCalls(fitting);
  else if (!forms.parallel_calls) fitting = withSingleCalls(fitting);
  if (forms.nine_character_ids) fitting = withNineCharacterIds(fitting);
  return withRolesInOrder(withSystemAllowed(fitting, forms.system), forms);
}
