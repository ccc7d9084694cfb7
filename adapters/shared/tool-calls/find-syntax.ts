// The syntax of calls of a template, found by rendering samples: templates have no declarations.
import { FIRST, PROBES, SAID, type SampleCall, sampleConversation, type SampleForms, SECOND } from "./call-samples.ts";
import type { FoundSyntax } from "./call-parts.ts";
import { composeCalls, withPlaceholders } from "./compose-calls.ts";
import { findArguments } from "./find-arguments.ts";
import { findTrigger } from "./find-trigger.ts";
import { withHarmonyForms } from "./harmony-calls.ts";
import { readsBack } from "./read-back.ts";
import { behindQuestion, type EndOfAnswer, hasEnd, textBeforeCalls, withoutEnd, withoutHeader } from "./sample-answer.ts";

export type RenderSample = (conversation: ReturnType<typeof sampleConversation>, generation_prompt: boolean) => string;

/** Undefined where no syntax reads back a second, harder call as it was given. `tokens`: those of the vocabulary that end an answer, by name. */
export function findCallSyntax(render: RenderSample, forms: SampleForms, tokens: readonly string[]): FoundSyntax | undefined {
  /** Empty where the template does not take the sample. */
  const show = (said: string, calls: SampleCall[], generation_prompt = false): string => {
    try {
      return behindQuestion(render(sampleConversation(said, calls, forms), generation_prompt));
    } catch {
      return "";
    }
  };
  const opened = show("", [], true);
  const end: EndOfAnswer = { plain: behind(show(SAID, []), SAID), tokens };
  const answerOf = (...calls: SampleCall[]): string => withoutHeader(show("", calls), opened);
  const behindName = (...calls: SampleCall[]): string => withoutEnd(behind(answerOf(...calls), FIRST), end);

  const probe: SampleCall = { name: FIRST, arguments: PROBES };
  const answer = answerOf(probe);
  if (!answer.includes(FIRST)) return undefined;
  const probes = behindName(probe);
  const found = findArguments({ probes, none: behindName({ name: FIRST, arguments: {} }), flat: forms.flat_arguments });
  if (found === undefined) return undefined;

  const before = textBeforeCalls(answer.slice(0, answer.indexOf(FIRST)), show(SAID, [probe]), end.plain);
  const after = probes.slice(found.before.length + found.text.length).trimEnd();
  const pair = betweenCalls(behindName(probe, { name: SECOND, arguments: PROBES }), found.text);
  const parallel =
    pair !== undefined &&
    withPlaceholders(pair.after.trimEnd()) === withPlaceholders(after) &&
    !hasEnd(pair.between, opened, end);
  const composed = composeCalls({ before, middle: found.before, after }, parallel ? pair : undefined);
  const syntax = {
    ...composed,
    parallel,
    arguments: found.syntax,
    ids: forms.nine_character_ids ? "nine" : composed.ids,
  } as const;
  const trigger = findTrigger(syntax);
  // A name alone does not tell a call from a text.
  if (trigger.text === "") return undefined;
  const complete = withHarmonyForms({ ...syntax, triggers: [trigger] });
  return readsBack(complete, answerOf, end) ? complete : undefined;
}

function behind(text: string, part: string): string {
  const at = text.indexOf(part);
  return at < 0 ? "" : text.slice(at + part.length);
}

/** What stands around the second one of two calls that have the same arguments; undefined where there is no second one. */
function betweenCalls(behind_name: string, given: string): { between: string; middle: string; after: string } | undefined {
  const [first, second] = [behind_name.indexOf(given), behind_name.lastIndexOf(given)];
  const name = behind_name.indexOf(SECOND, first + given.length);
  if (first < 0 || name < 0 || second < name) return undefined;
  const middle = behind_name.slice(name + SECOND.length, second);
  return { between: behind_name.slice(first + given.length, name), middle, after: behind_name.slice(second + given.length) };
}
