// The logprobs of an answer that a stop string ends: both native engines, and other servers, report the tokens of the text that is given.
import { describe, expect, test } from "bun:test";
import type { TokenLogprob } from "../../adapters/adapter.ts";
import { createAnswerReader } from "../../adapters/llama-server/answer-reader.ts";
import { createAnswerText } from "../../adapters/node-llama-cpp/answer-text.ts";
import type { EmbeddedVocabulary } from "../../adapters/node-llama-cpp/vocabulary.ts";
import { releasedText } from "../../adapters/shared/openai-stream/released-text.ts";
import { askTokens } from "../support/models.ts";

const TOKENS = ["Hel", "lo ", "wor", "ld"];
const report = (token: string): TokenLogprob => ({ token, bytes: [...Buffer.from(token)], logprob: -1, top_logprobs: [] });
interface Given {
  text: string;
  tokens: string[];
}
type Piece = { text: string; logprobs?: TokenLogprob[] };
const given = (pieces: readonly Piece[]): Given => ({
  text: pieces.map(({ text }) => text).join(""),
  tokens: pieces.flatMap(({ logprobs = [] }) => logprobs.map(({ token }) => token)),
});
const askFor = (stop: string) => askTokens([], { stop: [stop], logprobs: { top: 0 }, max_tokens: TOKENS.length });

const WAYS: Record<string, (stop: string) => Given> = {
  "the embedded engine": (stop) => {
    const vocabulary = {
      isEnd: () => false,
      hidden: () => new Map(),
      piece: (id: number) => ({ text: TOKENS[id]!, bytes: [...Buffer.from(TOKENS[id]!)] }),
    } as Pick<EmbeddedVocabulary, "isEnd" | "hidden" | "piece"> as EmbeddedVocabulary;
    const detokenize = (ids: readonly number[]): string => ids.map((id) => TOKENS[id]).join("");
    const answer = createAnswerText({ request: askFor(stop), vocabulary, detokenize });
    const pieces: Piece[] = [];
    for (const [token, last] of TOKENS.map((_, i) => [i, i === TOKENS.length - 1] as const)) {
      const piece = answer.push({ token, likelihood: { logprob: -1, top: [] } }, last);
      pieces.push(piece);
      if (piece.ended) break;
    }
    return given(pieces);
  },
  "llama-server": (stop) => {
    const reader = createAnswerReader(askFor(stop), { held: 0, batch: 512 });
    const frames = TOKENS.map((text, i) => ({
      ...{ type: "piece" as const, index: 0, text, tokens: [i], predicted: i + 1, logprobs: [report(text)] },
    }));
    const end = { type: "end" as const, index: 0, reason: "stop" as const, text: "", predicted: 4, total: 1, cached: 0 };
    const events = [...frames, end].flatMap((frame) => reader.push(frame, 0));
    return given(events.filter((event) => event.type === "text"));
  },
  "other servers": (stop) => {
    const text = releasedText([stop]);
    const events: Piece[] = [];
    const ended = TOKENS.some(
      (token) => text.push({ type: "text", text: token, logprobs: [report(token)] }, events) !== undefined,
    );
    if (!ended) text.flush(events);
    return given(events);
  },
};

describe.each(Object.entries(WAYS))("%s", (_, answerWith) => {
  test.each([
    ["lo", "Hel", ["Hel"]],
    ["l", "He", ["Hel"]],
    ["o w", "Hell", ["Hel", "lo "]],
    ["world", "Hello ", ["Hel", "lo "]],
    ["rld", "Hello wo", ["Hel", "lo ", "wor"]],
    ["Hel", "", []],
    ["never", "Hello world", TOKENS],
    ["ld!", "Hello world", TOKENS],
  ])("stopped by %j", (stop, text, tokens) => {
    expect(answerWith(stop)).toEqual({ text, tokens });
  });
});
