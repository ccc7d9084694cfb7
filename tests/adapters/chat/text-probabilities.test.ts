import { describe, expect, test } from "bun:test";
import { textProbabilities } from "../../../adapters/shared/chat/text-probabilities.ts";

/** By the tokens so far: the odds of those that may come, in any order. */
type Odds = Record<string, Record<string, number>>;

async function probabilitiesOf(texts: string[], odds: Odds) {
  const compared: string[] = [];
  const tokensOf = (text: string) => [...text].map((character) => character.codePointAt(0)!);
  const probabilities = await textProbabilities(texts.map(tokensOf), async (behind, tokens) => {
    const so_far = String.fromCodePoint(...behind);
    compared.push(`${so_far}|${String.fromCodePoint(...tokens)}`);
    return tokens.map((token) => odds[so_far]![String.fromCodePoint(token)]!);
  });
  return { probabilities, compared };
}

describe("the probabilities of texts", () => {
  test("are those of their tokens, of which some are compared at each place", async () => {
    const odds = { "": { y: 0.7, n: 0.2, m: 0.1 } };
    const { probabilities, compared } = await probabilitiesOf(["yes", "no", "maybe"], odds);
    expect(probabilities).toEqual([0.7, 0.2, 0.1]);
    expect(compared).toEqual(["|ynm"]);
  });

  test("cost nothing where all go on alike, at the beginning, in the middle and at the end", async () => {
    const odds = { "<": { a: 0.25, b: 0.75 }, "<ax": { "1": 0.4, "2": 0.6 } };
    const { probabilities, compared } = await probabilitiesOf(["<ax1>", "<b1>", "<ax2>"], odds);
    expect(probabilities).toEqual([0.25 * 0.4, 0.75, 0.25 * 0.6]);
    expect(compared).toEqual(["<|ab", "<ax|12"]);
  });

  test("are of a text alone where there is no other", async () => {
    expect(await probabilitiesOf(["yes"], {})).toEqual({ probabilities: [1], compared: [] });
  });

  test("are shared evenly by texts that their tokens do not tell apart", async () => {
    const { probabilities } = await probabilitiesOf(["a", "ab", "ac", "x", "x"], { "": { a: 0.6, x: 0.4 } });
    expect(probabilities.map((one) => one.toFixed(6))).toEqual(["0.200000", "0.200000", "0.200000", "0.200000", "0.200000"]);
  });

  test("are not told apart where they hardly have any", async () => {
    const { probabilities, compared } = await probabilitiesOf(["a1", "a2", "b"], { "": { a: 1e-7, b: 1 - 1e-7 } });
    expect(probabilities).toEqual([5e-8, 5e-8, 1 - 1e-7]);
    expect(compared).toEqual(["|ab"]);
  });
});
