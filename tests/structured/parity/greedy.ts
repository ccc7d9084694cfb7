// What two engines say to one greedy request: the same, but where two tokens are as good as equally likely, as their arithmetic differs.
import type { TokenLogprob } from "../../../adapters/adapter.ts";
import type { SideAnswer } from "./sides.ts";

/** Logprobs of a model of few bits differ by so much between engines, and of one engine with itself by half of that. */
export const NEAR = 0.75;

export type Outcome = "same" | "near tie" | { differs: string };

/** `a` and `b` have the likeliest rivals of each token. */
export function sameGreedy(a: SideAnswer, b: SideAnswer): Outcome {
  if (a.prompt.join() !== b.prompt.join()) return { differs: `the prompts are ${a.prompt} and ${b.prompt}` };
  if (a.usage.prompt_tokens !== b.usage.prompt_tokens)
    return { differs: `they count ${a.usage.prompt_tokens} and ${b.usage.prompt_tokens} tokens of the prompt` };
  if (a.said.join("\n") === b.said.join("\n")) return "same";
  const at = firstDifference(a.logprobs, b.logprobs);
  if (at < 0) return { differs: `they say ${JSON.stringify(a.said)} and ${JSON.stringify(b.said)}, with the same tokens` };
  const [left, right] = [a.logprobs[at], b.logprobs[at]];
  // The end of an answer has no entry of its own, so that only the engine that goes on can tell how likely it was.
  const gaps = [left && gapOf(left, right), right && gapOf(right, left)].filter((gap) => gap !== undefined);
  if (gaps.every((gap) => gap < NEAR)) return "near tie";
  const tokens = [left, right].map((token) => (token ? JSON.stringify(token.token) : "the end")).join(" and ");
  return { differs: `token ${at} is ${tokens}, with leads of ${gaps.map((gap) => gap.toFixed(2)).join(" and ")}` };
}

function firstDifference(a: TokenLogprob[], b: TokenLogprob[]): number {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, at) => at).findIndex((at) => shownBytes(a[at]) !== shownBytes(b[at]));
}

/** How much likelier an engine finds its own token than that of the other one; without end where that is none of its rivals. */
function gapOf(own: TokenLogprob, other: TokenLogprob | undefined): number {
  const rival = own.top_logprobs!.find((one) => shownBytes(one) === shownBytes(other));
  return own.logprob - (rival?.logprob ?? -Infinity);
}

/** What a text has of a token; nothing of one that ends an answer, which not every engine names. */
export function shownBytes(token: Pick<TokenLogprob, "bytes"> | undefined): string {
  return token?.bytes?.join() ?? "";
}
