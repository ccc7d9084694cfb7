// How a template writes calls of tools into answers, found by rendering samples.
import type { CallSyntax } from "../call-syntax.ts";
import type { TemplateForms } from "../prompts.ts";
import { findCallSyntax } from "../shared/tool-calls/find-syntax.ts";
import { syntaxTexts } from "../shared/tool-calls/syntax-texts.ts";
import type { SpecialNames } from "./special-names.ts";
import type { Render } from "./template.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** `lists_tools`: as in `CallSyntax`. */
export function sampleCalls(
  render: Render,
  forms: TemplateForms,
  lists_tools: boolean,
  { names, ends }: Pick<Vocabulary, "names" | "ends">,
): { calls: CallSyntax | undefined; flat_arguments: boolean } {
  for (const flat_arguments of [false, true]) {
    const found = findCallSyntax(
      (conversation, generation_prompt) => render({ ...conversation, generation_prompt }),
      { ...forms, flat_arguments },
      ends,
    );
    if (found === undefined) continue;
    const special_tokens = [...new Set(syntaxTexts(found).flatMap((text) => namesIn(text, names)))];
    return { calls: { ...found, special_tokens, lists_tools }, flat_arguments };
  }
  return { calls: undefined, flat_arguments: false };
}

function namesIn(text: string, names: SpecialNames): string[] {
  return Array.from({ length: text.length }, (_, at) =>
    names.at(text, at).map(({ length }) => text.slice(at, at + length)),
  ).flat();
}
