// The logprobs of one text that two engines are forced to say: the numbers themselves, and the first token where it leads.
import type { TokenLogprob } from "../../../adapters/adapter.ts";
import { shownBytes } from "./greedy.ts";

/** A token that leads its rivals by more is the first one on every engine. */
const LEAD = 1;

export interface ForcedParity {
  /** Those that both engines spell the text with: where two tokens are unlikely, either may begin what is left of it. */
  tokens: number;
  /** The largest difference between the logprobs of a token. */
  most: number;
  mean: number;
  /** Tokens before which the likeliest one of an engine leads. */
  leads: number;
  /** Those of them where that of the other engine is another one. */
  other_firsts: string[];
}

export function forcedParity(a: TokenLogprob[], b: TokenLogprob[]): ForcedParity {
  const end = a.findIndex(({ token }, at) => token !== b[at]?.token);
  const tokens = end < 0 ? a.length : end;
  const pairs = a.slice(0, tokens).map((one, at) => [one, b[at]!] as const);
  const apart = pairs.map(([one, other]) => Math.abs(one.logprob - other.logprob));
  const leading = pairs.filter((pair) => pair.some((one) => leadOf(one) > LEAD));
  return {
    tokens,
    most: Math.max(...apart),
    mean: apart.reduce((sum, one) => sum + one, 0) / tokens,
    leads: leading.length,
    other_firsts: leading.flatMap((pair) => {
      const [one, other] = pair.map(({ top_logprobs }) => top_logprobs![0]!);
      if (shownBytes(one) === shownBytes(other)) return [];
      return [`${JSON.stringify(one!.token)} and ${JSON.stringify(other!.token)} before ${JSON.stringify(pair[0].token)}`];
    }),
  };
}

const leadOf = ({ top_logprobs }: TokenLogprob): number => top_logprobs![0]!.logprob - top_logprobs![1]!.logprob;
