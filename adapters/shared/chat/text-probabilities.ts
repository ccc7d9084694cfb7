// How likely each of some texts is where no other text may come: token by token, as sampling at temperature 1 would choose among them.

/** How likely each of these tokens is behind the tokens so far, where no other may come; the sum is 1. */
type Compare = (behind: readonly number[], tokens: readonly number[]) => Promise<readonly number[]>;

/** What is less likely is not looked at further: those that begin so share it evenly. */
const NEGLIGIBLE = 1e-6;

/**
 * The sum is 1. `texts`: at least one, as tokens. A place where all go on with the same token costs nothing. Texts that their tokens do not
 * tell apart, or one of which begins another, share their probability evenly.
 */
export async function textProbabilities(texts: readonly (readonly number[])[], compare: Compare): Promise<number[]> {
  const probabilities = texts.map(() => 0);

  const visit = async (own: readonly number[], from: number, probability: number): Promise<void> => {
    const first = texts[own[0]!]!;
    let at = from;
    while (at < first.length && own.every((text) => texts[text]![at] === first[at])) at++;
    const is_over = own.some((text) => texts[text]!.length === at);
    if (own.length === 1 || is_over || probability < NEGLIGIBLE) {
      for (const text of own) probabilities[text] = probability / own.length;
      return;
    }
    const branches = Map.groupBy(own, (text) => texts[text]![at]!);
    const odds = await compare(first.slice(0, at), [...branches.keys()]);
    for (const [index, branch] of [...branches.values()].entries()) await visit(branch, at + 1, probability * odds[index]!);
  };

  await visit([...texts.keys()], 0, 1);
  return probabilities;
}
