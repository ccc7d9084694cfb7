// Which tokens llama-server's stream has reported. Of a character that has several tokens it reports the last alone, with the probabilities of
// that and the bytes of all.
import * as v from "valibot";
import type { TokenLogprob } from "../adapter.ts";
import type { ChunkFormat } from "../shared/openai-stream/answer-events.ts";

export interface UnreportedTokens {
  /** Tokens of the answer before them. */
  before: number;
  count: number;
}

export interface TokenReports {
  /** The tokens of the answer so far; undefined where they were not reported. */
  tokens: (number | undefined)[];
  /** By the report of a character's last token: those before it. */
  unreported: Map<TokenLogprob, UnreportedTokens>;
  /** The format, whose pieces are noted as they come. */
  format: ChunkFormat;
}

export function createTokenReports(format: ChunkFormat): TokenReports {
  const tokens: TokenReports["tokens"] = [];
  const unreported: TokenReports["unreported"] = new Map();
  const note = (value: unknown, [last]: TokenLogprob[]): void => {
    const { ids, predicted } = readPiece(value);
    if (ids.length === 0) return;
    const [before, count] = [tokens.length, predicted - tokens.length - ids.length];
    for (let i = 0; i < count; i++) tokens.push(undefined);
    tokens.push(...ids);
    if (count > 0 && last !== undefined) unreported.set(last, { before, count });
  };
  return {
    ...{ tokens, unreported },
    format: {
      onlyText: format.onlyText,
      toChunk(value) {
        const chunk = format.toChunk(value);
        if (chunk !== undefined) note(value, (chunk.choices[0]?.logprobs?.content ?? []) as TokenLogprob[]);
        return chunk;
      },
    },
  };
}

const Reported = v.array(v.object({ id: v.number() }));
const Completion = v.object({ tokens_predicted: v.number(), completion_probabilities: Reported });
const Chat = v.object({
  timings: v.object({ predicted_n: v.number() }),
  choices: v.tupleWithRest([v.object({ logprobs: v.object({ content: Reported }) })], v.unknown()),
});

/** What a piece of either route reports. `predicted`: tokens of the answer, with those that were not reported. */
function readPiece(value: unknown): { ids: number[]; predicted: number } {
  const completion = v.safeParse(Completion, value);
  if (completion.success) {
    const { completion_probabilities, tokens_predicted } = completion.output;
    return { ids: completion_probabilities.map(({ id }) => id), predicted: tokens_predicted };
  }
  const chat = v.safeParse(Chat, value);
  if (!chat.success) return { ids: [], predicted: 0 };
  const { choices, timings } = chat.output;
  return { ids: choices[0].logprobs.content.map(({ id }) => id), predicted: timings.predicted_n };
}
