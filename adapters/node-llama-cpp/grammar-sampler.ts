// Samples under a grammar. What is drawn freely is taken where it fits, and where the likeliest token is wanted, the likeliest that fits; else
// the native sampler tries the whole vocabulary, which takes as long as half a decode or more. Where the grammar allows few tokens, one of those
// is drawn here.
import { grammarDeadEnd } from "../shared/grammar-dead-end.ts";
import type { Addon, AddonSampler, GrammarState, SamplerConfig } from "./addon.ts";
import { drawToken, seededRandom } from "./draw-token.ts";
import { samplerAfter } from "./dry-history.ts";
import { LIKELIEST, likeliestSampler, likeliestTokens, NEUTRAL_SAMPLER } from "./likelihood.ts";
import { hasMemory } from "./sampler-settings.ts";
import type { TokenBias } from "./token-bias.ts";
import type { AllowedTokens } from "./token-tree.ts";

export interface NativeSample {
  sample(index: number): Promise<number>;
  dispose(): void;
}

export interface GrammarSamplerOptions {
  config: SamplerConfig;
  bias: TokenBias;
  /** What DRY has to have seen. */
  history: readonly number[];
  /** Its beginning, which is this sampler's alone. */
  state: GrammarState;
  allowed: AllowedTokens;
  /** Tokens that end an answer. */
  ends: readonly number[];
  /** Special tokens that the text shows. */
  shown: readonly number[];
}

/** The logits of more tokens are found slowly. */
const MOST_CANDIDATES = 64;

/** Free draws and those under the grammar are of different numbers: the one was rejected for its number. */
const OTHER_DRAWS = 0x9e3779b9;

/**
 * `state` follows the grammar of the native sampler: that one takes the first bytes of any character, and is of no use once it has thrown. A
 * sampler that remembers what was drawn must not draw what does not fit, and keeps the grammar.
 */
export function createGrammarSampler(addon: Addon, options: GrammarSamplerOptions): NativeSample {
  const { config, bias, history, state, allowed, ends, shown } = options;
  const { context, newSampler, canBeNext } = addon;
  const { biases, banned } = bias;
  const withGrammar = (): SamplerConfig => ({
    ...config,
    seed: (config.seed ^ OTHER_DRAWS) >>> 0,
    grammarEvaluationState: addon.cloneGrammarState(state),
  });
  const remembers = hasMemory(config);
  const is_greedy = config.temperature === 0;
  const free = remembers ? undefined : newSampler(is_greedy ? { ...likeliestSampler(LIKELIEST), ...bias.config } : config);
  let strict: AddonSampler | undefined;
  const all = newSampler(NEUTRAL_SAMPLER);
  const random = seededRandom(config.seed);

  const isEnd = (token: number): boolean => addon.model.isEogToken(token);
  const isWhole = (): boolean => ends.length > 0 && canBeNext(state, ends[0]!);
  const take = (token: number): boolean => {
    if (token < 0 || banned.has(token)) return false;
    if (isEnd(token)) return isWhole();
    if (!canBeNext(state, token)) return false;
    addon.accept(state, token);
    return true;
  };

  async function likeliest(index: number, sampler: AddonSampler): Promise<number[]> {
    const ranked = await likeliestTokens(context, { index, sampler, kept: LIKELIEST });
    return ranked.map(([token]) => token);
  }

  async function sampleStrictly(index: number): Promise<number> {
    if (strict === undefined) strict = await samplerAfter(addon, withGrammar(), history, index);
    else if (!remembers) strict.applyConfig(withGrammar());
    const whole = isWhole();
    const token = await context.sampleToken(index, strict).catch(() => -1);
    return take(token) ? token : endOr(whole);
  }

  /** Where an end must not come and nothing else may, the text is whole all the same. */
  function endOr(whole: boolean): number {
    if (whole) return ends[0]!;
    throw grammarDeadEnd("The answer cannot go on as its grammar wants it: no token of this model fits.");
  }

  /** Undefined where these are too many. */
  async function drawOfFew(index: number): Promise<number | undefined> {
    const tokens = allowed(state);
    if (tokens === undefined) return undefined;
    const whole = isWhole();
    const candidates = [...tokens, ...shown.filter((token) => canBeNext(state, token)), ...(whole ? ends : [])].filter(
      (token) => !banned.has(token),
    );
    if (candidates.length === 0) return endOr(whole);
    if (candidates.length > MOST_CANDIDATES) return undefined;
    const token = candidates.length === 1 ? candidates[0]! : drawToken(await logitsOf(candidates, index), config, random);
    if (!isEnd(token)) addon.accept(state, token);
    return token;
  }

  async function logitsOf(tokens: readonly number[], index: number): Promise<[number, number][]> {
    const [, , , flat] = await context.sampleToken(index, all, false, false, [tokens, false, false, false, 0], false);
    return tokens.map((_, i): [number, number] => {
      const token = flat![2 * i]!;
      return [token, flat![2 * i + 1]! + (biases.get(token) ?? 0)];
    });
  }

  return {
    async sample(index) {
      if (free === undefined) return sampleStrictly(index);
      const drawn = is_greedy ? await likeliest(index, free) : [await context.sampleToken(index, free)];
      return drawn.find(take) ?? (await drawOfFew(index)) ?? sampleStrictly(index);
    },
    dispose() {
      for (const sampler of [free, strict, all]) sampler?.dispose();
    },
  };
}
