// The syntax of calls of a chat template, as the prompt process finds it.
import type { CallSyntax } from "../../adapters/call-syntax.ts";
import type { NativeAddon } from "../../adapters/prompt-process/native.ts";
import { sampleCalls } from "../../adapters/prompt-process/sample-calls.ts";
import { PLAIN_FORMS, SAMPLES } from "../../adapters/prompt-process/sample-template.ts";
import { createSpecialNames } from "../../adapters/prompt-process/special-names.ts";
import { compileTemplate } from "../../adapters/prompt-process/template.ts";

/** Undefined where the template shows none. */
export function syntaxOf(source: string, addon: NativeAddon): CallSyntax | undefined {
  const { render } = compileTemplate({ chat_template: source }, { bos: "<s>", eos: "</s>" }, addon);
  const { parts = false } = SAMPLES.user(render, false);
  const calls = SAMPLES.calls(render, parts);
  if (!calls.calls) return undefined;
  const forms = { ...PLAIN_FORMS, ...calls, ...SAMPLES.messages(render, parts), parts };
  return sampleCalls(render, forms, true, { names: createSpecialNames(new Map()), ends: [] }).calls;
}
