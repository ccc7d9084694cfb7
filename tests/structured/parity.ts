// Whether the two native engines say the same: one prompt, the same tokens; greedily the same text; and the same probabilities, as far as
// their arithmetic lets them. And whether each says the same twice.
import type { ChatRequest } from "../../adapters/adapter.ts";
import { forcedParity, type ForcedParity } from "./parity/forced.ts";
import { sameGreedy } from "./parity/greedy.ts";
import { forcedRequest, type RepeatedRequests } from "./parity/requests.ts";
import { type Side, type SidesOptions, withSides } from "./parity/sides.ts";

/** Fewer tokens of the forced text say little. */
const FORCED_TOKENS = 20;

export interface Parity {
  /** Greedy answers that are the same, and those whose first difference is a near tie. */
  same: number;
  near_ties: number;
  forced: ForcedParity;
  /** Answers that were the same twice, of both engines. */
  repeated: number;
  /** In words; there must be none. */
  faults: string[];
}

interface ParityOptions extends SidesOptions {
  /** How far the logprobs of a token may differ. */
  apart: number;
  /** With logprobs, and with rivals of each token. */
  greedy: readonly ChatRequest[];
  repeated: RepeatedRequests;
}

export function parityOf({ apart, greedy, repeated, ...options }: ParityOptions): Promise<Parity> {
  return withSides(options, async ([a, b]) => {
    const forced = forcedParity((await a.ask(forcedRequest)).logprobs, (await b.ask(forcedRequest)).logprobs);
    const faults = forced.other_firsts.map((words) => `the first tokens of the forced text are ${words}`);
    if (!(forced.most <= apart)) faults.push(`the logprobs of the forced text differ by ${forced.most}`);
    if (forced.tokens < FORCED_TOKENS) faults.push(`only ${forced.tokens} tokens of the forced text are the same`);
    const parity: Parity = { same: 0, near_ties: 0, forced, repeated: 0, faults };
    for (const request of greedy) {
      const outcome = sameGreedy(await a.ask(request), await b.ask(request));
      if (outcome === "same") parity.same++;
      else if (outcome === "near tie") parity.near_ties++;
      else faults.push(`${JSON.stringify(request.messages.at(-1)!.content)}: ${outcome.differs}`);
    }
    for (const side of [a, b]) {
      const changed = await changedAnswers(side, repeated);
      parity.repeated += repeated.length - changed.length;
      faults.push(...changed);
    }
    return parity;
  });
}

/** Other requests come between the two of a kind, so that the slots hold something else. */
async function changedAnswers({ name, ask }: Side, repeated: RepeatedRequests): Promise<string[]> {
  const rounds: string[][] = [[], []];
  for (const round of rounds) for (const [, request] of repeated) round.push(JSON.stringify((await ask(request)).said));
  return repeated.flatMap(([kind], at) => {
    const [first, second] = rounds.map((round) => round[at]);
    return first === second ? [] : [`${name}, ${kind}: ${first}, then ${second}`];
  });
}
