// Runs the prompts of one request on an engine: as many at once as there are slots for.
import { AdapterError, type ChatEvent, type CompletionEvent, type Engine, type ScoredToken } from "../../../adapters/adapter.ts";
import type { CompletionRequest } from "../../../adapters/completion.ts";
import { merge } from "../../support/merge.ts";
import type { SentText } from "../generation/sent-texts.ts";
import type { Finish } from "../generation/wire-form.ts";
import type { SharedRequest } from "./request.ts";

type Text = Extract<ChatEvent, { type: "text" }>;

/** `choice`: of all prompts, in their order. The one finish has the ends of them all, and their usage together. */
export type PromptsEvent =
  | Extract<ChatEvent, { type: "prompt" }>
  | (Text & { choice: number })
  /** The prompt, in front of the first text of each choice. `tokens`: where their probabilities are asked for. */
  | { type: "echo"; choice: number; text: string; tokens?: ScoredToken[] }
  | Finish;

export interface PromptsRequest {
  prompts: readonly SentText[];
  shared: SharedRequest & Pick<CompletionRequest, "cache_scope">;
  echo: boolean;
  /** Whether all prompts are looked at before the first answer: another server does that itself. */
  check_first: boolean;
  /** The error of a prompt, in the client's words. */
  worded(error: unknown, prompt: SentText): unknown;
}

/** Throws what the engine throws, in the client's words. */
export async function* runPrompts(
  request: PromptsRequest,
  engine: Engine,
  signal: AbortSignal,
  slots: number,
): AsyncGenerator<PromptsEvent> {
  const { prompts, shared, check_first } = request;
  const at_once = Math.min(prompts.length, slots);
  const per_prompt = Math.max(1, Math.floor(slots / at_once));
  const own: CompletionRequest[] = prompts.map(({ text }) => ({
    ...shared,
    prompt: text,
    ...(shared.choices && { choices: { ...shared.choices, at_once: per_prompt } }),
  }));
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  const finishes: Finish[] = [];
  const begin = (index: number) => runPrompt(request, index, own[index]!, engine, either, (finish) => (finishes[index] = finish));
  try {
    if (check_first && prompts.length > 1) await checkAll(request, own, engine, either);
    const first = () => begin(0);
    if (prompts.length === 1) yield* first();
    else
      yield* merge(
        prompts.map((_, index) => () => begin(index)),
        at_once,
      );
  } finally {
    left.abort(new AdapterError("engine_unavailable", "The request is over."));
  }
  yield finishOfAll(finishes);
}

/** Nothing is generated for a request with a prompt that is too long, or has a token that the model has not. */
async function checkAll(
  { prompts, worded }: PromptsRequest,
  own: readonly CompletionRequest[],
  engine: Engine,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, { score_prompt: _, choices: __, ...asked }] of own.entries()) {
    try {
      for await (const _ of completeWith(engine, { ...asked, max_tokens: 0 }, signal));
    } catch (error) {
      throw worded(error, prompts[index]!);
    }
  }
}

async function* runPrompt(
  { prompts, shared, echo, worded }: PromptsRequest,
  index: number,
  asked: CompletionRequest,
  engine: Engine,
  signal: AbortSignal,
  onFinish: (finish: Finish) => void,
): AsyncGenerator<Exclude<PromptsEvent, Finish>> {
  const count = shared.choices?.count ?? 1;
  const first = index * count;
  const scored: ScoredToken[] = [];
  let begun = !echo;
  try {
    for await (const event of completeWith(engine, asked, signal)) {
      if (event.type === "prompt") yield event;
      else if (event.type === "scored") scored.push(...event.tokens);
      if (event.type !== "text" && event.type !== "finish") continue;
      if (!begun) {
        begun = true;
        const text = await textOf(asked.prompt, engine, signal);
        const tokens = asked.score_prompt && { tokens: scored };
        for (let choice = 0; choice < count; choice++) yield { type: "echo", choice: first + choice, text, ...tokens };
      }
      if (event.type === "finish") onFinish(event);
      else yield { ...event, choice: first + (event.choice ?? 0) };
    }
  } catch (error) {
    throw worded(error, prompts[index]!);
  }
}

function completeWith(engine: Engine, request: CompletionRequest, signal: AbortSignal): AsyncIterable<CompletionEvent> {
  if (engine.complete !== undefined) return engine.complete(request, signal);
  throw new AdapterError("request_unsupported", "The engine of this model completes no prompts. Ask it for a chat.", {
    param: "prompt",
  });
}

async function textOf(prompt: CompletionRequest["prompt"], engine: Engine, signal: AbortSignal): Promise<string> {
  if (typeof prompt === "string") return prompt;
  if (engine.detokenize !== undefined) return engine.detokenize(prompt, signal);
  const message = '"echo" of tokens is not supported by this model\'s engine. Send a text, or leave it out.';
  throw new AdapterError("request_unsupported", message, { param: "echo" });
}

function finishOfAll([one, ...others]: readonly Finish[]): Finish {
  if (others.length === 0) return one!;
  const ends = [one!, ...others].flatMap(({ reason, schema_failure, further = [] }) => [
    { reason, ...(schema_failure && { schema_failure }) },
    ...further,
  ]);
  const usage = others.reduce(
    (sum, { usage }) => ({
      prompt_tokens: sum.prompt_tokens + usage.prompt_tokens,
      completion_tokens: sum.completion_tokens + usage.completion_tokens,
      cached_tokens: sum.cached_tokens + usage.cached_tokens,
    }),
    one!.usage,
  );
  return { type: "finish", ...ends[0]!, usage, further: ends.slice(1) };
}
