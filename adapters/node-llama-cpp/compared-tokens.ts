// Asks for the logits of some tokens instead of sampling: no sampler, bias or grammar has a say in them.
import { AdapterError } from "../adapter.ts";
import { oddsOf } from "../shared/token-odds.ts";
import type { Addon } from "./addon.ts";
import { NEUTRAL_SAMPLER } from "./likelihood.ts";
import type { TokenSampler } from "./token-sampler.ts";

/** `tokens`: as `TokenRequest.compared`. */
export function createComparison(
  { context, newSampler }: Pick<Addon, "context" | "newSampler">,
  tokens: readonly number[],
): TokenSampler {
  const all = newSampler(NEUTRAL_SAMPLER);
  return {
    async sample(index) {
      const [token, , , flat = []] = await context.sampleToken(index, all, false, false, [tokens, false, false, false, 0], false);
      const logits = new Map(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]));
      const found = tokens.map((token) => finiteOr(logits.get(token), Number.NEGATIVE_INFINITY));
      if (!found.some(Number.isFinite)) throw new AdapterError("generation_failed", "The model gives no answer any probability.");
      return { token, odds: oddsOf(found) };
    },
    dispose: () => all.dispose(),
  };
}

/** A model that is damaged has logits that are no numbers. */
function finiteOr(logit: number | undefined, otherwise: number): number {
  return logit !== undefined && Number.isFinite(logit) ? logit : otherwise;
}
