// Compiles a grammar and lets it take some tokens, as some grammars end or stall their process: this one may end.
import { grammarRefused } from "./errors.ts";
import type { NativeAddon } from "./native.ts";
import type { Tokenizer } from "./vocabulary.ts";

/** What answers under a grammar begin with, and go on with. */
const SAMPLES = ["{", "[", '"', " ", "\n", "a", "A", "0", "-", "t", "<", "}", ",", ":"];
const STEPS = 3;

/** Throws `AdapterError` `request_refused` where the grammar does not compile. Where there is no library for it, the engine's own try follows. */
export function tryGrammar(source: string, addon: NativeAddon | undefined, tokenizer: Tokenizer | undefined): void {
  if (addon === undefined) return;
  const grammar = compile(source, addon);
  if (tokenizer === undefined) return;
  const { AddonGrammarEvaluationState, AddonSampler } = addon;
  const state = new AddonGrammarEvaluationState(tokenizer.native, grammar);
  // A token that ends the generation must never be accepted, and no token that cannot be next: either ends the process.
  const tokens = SAMPLES.map((text) => tokenizer.tokenizeRest(text)).flatMap((made) => (made.length === 1 ? [made[0]!] : []));
  for (let step = 0; step < STEPS; step++) {
    const next = tokens.find(
      (token) => !tokenizer.native.isEogToken(token) && AddonSampler.canBeNextTokenForGrammarEvaluationState(state, token),
    );
    if (next === undefined) return;
    AddonSampler.acceptGrammarEvaluationStateToken(state, next);
  }
}

/** Whether a text of these tokens is the beginning of one of the grammar; true where there is no library to ask. */
export function beginsGrammar(
  source: string,
  tokens: readonly number[],
  addon: NativeAddon | undefined,
  tokenizer: Tokenizer | undefined,
): boolean {
  if (addon === undefined || tokenizer === undefined) return true;
  const state = new addon.AddonGrammarEvaluationState(tokenizer.native, compile(source, addon));
  for (const token of tokens) {
    if (!addon.AddonSampler.canBeNextTokenForGrammarEvaluationState(state, token)) return false;
    addon.AddonSampler.acceptGrammarEvaluationStateToken(state, token);
  }
  return true;
}

function compile(source: string, addon: NativeAddon): object {
  try {
    return new addon.AddonGrammar(source, { addonExports: addon, rootRuleName: "root" });
  } catch {
    throw grammarRefused("it cannot be parsed");
  }
}
