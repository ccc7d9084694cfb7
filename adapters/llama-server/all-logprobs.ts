// The logprobs of all tokens of an answer: llama-server is asked for those that its stream does not report. The slot of the answer is the only
// one that may be asked, as others hold what other clients have said, so its generation ends first.
import * as v from "valibot";
import type { TokenLogprob } from "../adapter.ts";
import { FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import type { AnswerReader } from "./answer-reader.ts";

export interface AllLogprobsOptions {
  answer: Pick<AnswerReader, "tokens" | "unreported">;
  /** The likeliest tokens, so many of them, behind these tokens of the answer; the likeliest first. Undefined where they cannot be had. */
  ask: (tokens: number[], count: number) => Promise<RankedToken[] | undefined>;
  vocab_size: number;
}

/** Nearly every sampled token is one of so many. */
const LIKELIEST = 1_000;

/** Completes the logprobs of one text after the other, in their order. */
export function createLogprobCompletion(options: AllLogprobsOptions) {
  const tokens = [...options.answer.tokens];
  return async (reported: readonly TokenLogprob[]): Promise<TokenLogprob[]> => {
    const all: TokenLogprob[] = [];
    for (const token of reported) all.push(...(await expand(token, tokens, options)));
    return all;
  };
}

/** The tokens of a character; its report as it is where they cannot be found. */
async function expand(
  report: TokenLogprob,
  tokens: (number | undefined)[],
  options: AllLogprobsOptions,
): Promise<TokenLogprob[]> {
  const { before, count } = options.answer.unreported.get(report) ?? { before: 0, count: 0 };
  let bytes = report.bytes ?? [];
  const found: TokenLogprob[] = [];
  for (let i = 0; i < count; i++) {
    const known = tokens.slice(0, before + i);
    if (!known.every((token) => token !== undefined)) return [report];
    // Each of those that follow has a byte at least.
    const longest = bytes.length - (count - i);
    const fits = (token: RankedToken): boolean =>
      token.bytes.length > 0 &&
      token.bytes.length <= longest &&
      token.bytes.every((byte, at) => byte === bytes[at]) &&
      isWithinCharacter(bytes, token.bytes.length);
    const token = await findToken(known, fits, options);
    if (token === undefined) return [report];
    tokens[before + i] = token.id;
    found.push(token.report);
    bytes = bytes.slice(token.report.bytes!.length);
  }
  return count === 0 ? [report] : [...found, { ...report, ...withBytes(bytes) }];
}

/** In UTF-8, the bytes that go on with a character begin with the bits 10. */
const isWithinCharacter = (bytes: number[], at: number): boolean => (bytes[at]! & 0xc0) === 0x80;

/** The likeliest of the tokens that fit, with its rivals. */
async function findToken(
  known: number[],
  fits: (token: RankedToken) => boolean,
  { ask, vocab_size }: AllLogprobsOptions,
): Promise<{ id: number; report: TokenLogprob } | undefined> {
  for (const count of new Set([Math.min(LIKELIEST, vocab_size), vocab_size])) {
    const ranked = await ask(known, count).catch((error: unknown) => {
      // An answer that is there already is worth more than the rest of its logprobs.
      if (error instanceof FailedAnswer) return [];
      throw error;
    });
    const token = ranked?.find(fits);
    if (token === undefined) continue;
    const top_logprobs = ranked!.slice(0, MOST_RIVALS).map(({ logprob, bytes }) => ({ ...withBytes(bytes), logprob }));
    return { id: token.id, report: { ...withBytes(token.bytes), logprob: token.logprob, top_logprobs } };
  }
  return undefined;
}

/** As many as a request may ask for. */
const MOST_RIVALS = 20;

const withBytes = (bytes: number[]): Pick<TokenLogprob, "token" | "bytes"> => ({
  token: new TextDecoder().decode(Uint8Array.from(bytes)),
  bytes,
});

const RankedToken = v.object({ id: v.number(), token: v.string(), bytes: v.array(v.number()), logprob: v.number() });
export type RankedToken = v.InferOutput<typeof RankedToken>;

const Ranking = v.object({ completion_probabilities: v.tuple([v.object({ top_logprobs: v.array(RankedToken) })]) });

/** The body of a request to `POST /completion` for a ranking. `tokens`: those of the prompt and of the answer so far. */
export function rankingBody(tokens: number[], count: number): Record<string, unknown> {
  return {
    ...{ prompt: tokens, n_predict: 1, n_probs: count, temperature: 0, cache_prompt: true },
    // llama-server reports no token that leaves a character open, so it has to choose another one: the ranking is that before the choice.
    grammar: "root ::= [ -~]",
    response_fields: ["completion_probabilities"],
  };
}

/** Throws where the answer has none. */
export const parseRanking = (answer: unknown): RankedToken[] => v.parse(Ranking, answer).completion_probabilities[0].top_logprobs;
