// Asks the process for samples of a template. Each is a question of its own: a template that never ends for tools, or for calls of them,
// serves all other requests.
import type { TemplateFacts } from "../prompts.ts";
import { PromptProcessEnd } from "./process.ts";
import type { Answers, PromptQuestion, Sample } from "./protocol.ts";
import { PLAIN_FORMS } from "./sample-template.ts";

export interface TemplateSamples extends TemplateFacts {
  /** The end of the process that rendered the plainest sample: the template serves no request. */
  unbounded?: PromptProcessEnd;
}

type AskProcess = <Type extends PromptQuestion["type"]>(
  question: Extract<PromptQuestion, { type: Type }>,
) => Promise<Answers[Type]>;

/** `model`: its number in questions. */
export async function askSamples(model: number, ask: AskProcess): Promise<TemplateSamples> {
  const ends: PromptProcessEnd[] = [];
  const unlessEnded = <T extends object>(answer: Promise<T>): Promise<Partial<T>> =>
    answer.catch((error: unknown) => {
      if (!(error instanceof PromptProcessEnd)) throw error;
      ends.push(error);
      return {};
    });
  const sample = (what: Sample, parts = false): Promise<Answers["sample"]> =>
    unlessEnded(ask<"sample">({ type: "sample", model, what, parts }));

  const { thinking = false, ...user } = await sample("user");
  const [unbounded] = ends;
  if (unbounded !== undefined) return { bounded: false, thinking, forms: PLAIN_FORMS, unbounded };
  const { parts = false } = user;
  const messages = await sample("messages", parts);
  const tools = await sample("tools", parts);
  const calls = await sample("calls", parts);
  const { thoughts } = await unlessEnded(ask<"sample_thoughts">({ type: "sample_thoughts", model, parts }));
  const lists_tools = tools.calls ?? false;
  const forms = { ...PLAIN_FORMS, ...user, ...calls, ...messages, calls: (tools.calls || calls.calls) ?? false };
  const syntax: Partial<Answers["sample_calls"]> = calls.calls
    ? await unlessEnded(ask<"sample_calls">({ type: "sample_calls", model, forms, lists_tools }))
    : {};
  return {
    ...{ bounded: ends.length === 0, thinking },
    ...(thoughts && { thoughts }),
    ...(syntax.calls && { calls: syntax.calls }),
    forms: { ...forms, flat_arguments: syntax.flat_arguments ?? false },
  };
}
