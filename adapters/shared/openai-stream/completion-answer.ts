// The answers of `POST /completions`: their chunks as those of a chat.
import * as v from "valibot";
import type { TokenLogprob } from "../../adapter.ts";
import type { AnswerForm } from "./answer-events.ts";

/** As OpenAI, vLLM and ingle write them; llama-server writes those of a chat. */
const Logprobs = v.object({
  tokens: v.array(v.string()),
  token_logprobs: v.array(v.nullable(v.number())),
  top_logprobs: v.nullish(v.array(v.nullable(v.record(v.string(), v.number())))),
});

const Completion = v.looseObject({
  choices: v.array(v.looseObject({ text: v.nullish(v.string()), logprobs: v.nullish(v.looseObject({})) })),
});

export const COMPLETION_ANSWER: AnswerForm = { onlyText, chunkOf: toChatChunk, chunkOfWhole: toChatChunk };

/** As the one of a chat. */
function onlyText(value: unknown): string | undefined {
  const { error, choices, usage, prompt_progress, timings } = (value ?? {}) as Record<string, unknown>;
  if (error != null || usage != null || prompt_progress != null || timings != null) return undefined;
  if (!Array.isArray(choices) || choices.length !== 1) return undefined;
  const { text, finish_reason, logprobs } = (choices[0] ?? {}) as Record<string, unknown>;
  return finish_reason == null && logprobs == null && typeof text === "string" ? text : undefined;
}

function toChatChunk(value: unknown): unknown {
  const completion = v.safeParse(Completion, value);
  if (!completion.success) return undefined;
  const choices = completion.output.choices.map(({ text, logprobs, ...choice }) => ({
    ...choice,
    delta: { content: text },
    logprobs: logprobs && chatLogprobs(logprobs),
  }));
  return { ...completion.output, choices };
}

function chatLogprobs(logprobs: object): object {
  const lists = v.safeParse(Logprobs, logprobs);
  if (!lists.success) return logprobs;
  const { tokens, token_logprobs, top_logprobs } = lists.output;
  const content = tokens.map((token, index): TokenLogprob => {
    const rivals = Object.entries(top_logprobs?.[index] ?? {}).sort(([, one], [, other]) => other - one);
    return {
      ...{ token, logprob: token_logprobs[index] ?? 0, bytes: null },
      top_logprobs: rivals.map(([token, logprob]) => ({ token, logprob, bytes: null })),
    };
  });
  return { content };
}
