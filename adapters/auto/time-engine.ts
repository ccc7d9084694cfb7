// How fast one engine is: prompts and answers of the synthetic model, one alone and four at a time.
import type { TokenEngine, TokenRequest } from "../token-engine.ts";
import { FIRST_WORD, VOCABULARY } from "./synthetic-model.ts";
import type { EngineTiming } from "./trial.ts";

export const STREAMS = 4;
/** Tokens of each prompt: one alone, and of each of those that are read side by side. */
const PROMPTS = { alone: 128, beside: 64 };
const ANSWER = 32;
const WARM_UP = { prompt: 16, answer: 8 };

/** As requests are that say nothing of sampling. */
const SAMPLING = {
  ...{ temperature: 0.8, top_p: 0.95, top_k: 40, min_p: 0.05, repeat_penalty: 1, frequency_penalty: 0, presence_penalty: 0 },
  ...{ seed: 1, repeatable: false, cache_prompt: false, cache_scope: "", stop: [], report_tokens: true },
} satisfies Partial<TokenRequest>;

/** Times in milliseconds. */
interface Stream {
  prompt: number;
  /** When its first text came, and how many tokens that was. */
  begun_at: number;
  begun: number;
  ended_at: number;
  tokens: number;
}

/** `engine`: one of the synthetic model, with `STREAMS` slots. Throws `AdapterError`, and the signal's reason. */
export async function timeEngine(engine: TokenEngine, signal: AbortSignal, now = () => performance.now()): Promise<EngineTiming> {
  let word = FIRST_WORD;
  const request = (length: number, max_tokens: number): TokenRequest => {
    // No prompt begins as another one, so that nothing of it is read already.
    const prompt = Array.from({ length }, () => (word = word + 7 < VOCABULARY ? word + 7 : FIRST_WORD));
    return { ...SAMPLING, prompt, max_tokens };
  };
  const time = async (streams: number, prompt: number, answer: number) => {
    const started = now();
    const all = await Promise.all(Array.from({ length: streams }, () => stream(engine, request(prompt, answer), signal, now)));
    return ratesOf(all, started);
  };
  await time(1, WARM_UP.prompt, WARM_UP.answer);
  const alone = await time(1, PROMPTS.alone, ANSWER);
  const beside = await time(STREAMS, PROMPTS.beside, ANSWER);
  return { prompt: [alone.prompt, beside.prompt], decode: [alone.decode, beside.decode] };
}

async function stream(engine: TokenEngine, request: TokenRequest, signal: AbortSignal, now: () => number): Promise<Stream> {
  let [begun_at, begun, ended_at, tokens] = [0, 0, 0, 0];
  for await (const event of engine.generate(request, signal)) {
    if (event.type === "text" && begun === 0) [begun_at, begun] = [now(), event.count ?? 1];
    if (event.type === "finish") [ended_at, tokens] = [now(), event.usage.completion_tokens];
  }
  return { prompt: request.prompt.length, begun_at, begun, ended_at, tokens };
}

function ratesOf(streams: readonly Stream[], started: number): Record<"prompt" | "decode", number> {
  const sum = (of: (stream: Stream) => number): number => streams.reduce((all, each) => all + of(each), 0);
  const [first, last_begun, end] = [
    Math.min(...streams.map(({ begun_at }) => begun_at)),
    Math.max(...streams.map(({ begun_at }) => begun_at)),
    Math.max(...streams.map(({ ended_at }) => ended_at)),
  ];
  return {
    prompt: perSecond(
      sum(({ prompt }) => prompt),
      last_begun - started,
    ),
    decode: perSecond(
      sum(({ tokens, begun }) => tokens - begun),
      end - first,
    ),
  };
}

/** A clock may stand still between two events. */
const perSecond = (count: number, ms: number): number => Math.max(count, 1) / (Math.max(ms, 0.001) / 1_000);
