// The few native calls of node-llama-cpp that the prompt process makes. They are internal to that package, so package.json pins its exact
// version; `isNative` checks that they are where this release has them.

export interface NativeAddon {
  AddonJinjaRenderer: new (source: string) => NativeTemplate;
  AddonModel: new (path: string, options: object) => NativeVocabulary;
  AddonGrammar: new (gbnf: string, options: { addonExports: NativeAddon; rootRuleName: string }) => NativeGrammar;
  AddonGrammarEvaluationState: new (vocabulary: NativeVocabulary, grammar: NativeGrammar) => NativeGrammarState;
  AddonSampler: {
    canBeNextTokenForGrammarEvaluationState(state: NativeGrammarState, token: number): boolean;
    /** A token that cannot be next, or one that ends a generation, ends the process. */
    acceptGrammarEvaluationStateToken(state: NativeGrammarState, token: number): void;
  };
  setLogger(log: (level: number, message: string) => void): void;
  setLoggerLogLevel(level: number): void;
}

export interface NativeTemplate {
  /** Has no limit of time. Throws where the template breaks, or refuses what it is given. */
  render(values: object): string;
}

/** A model of which the vocabulary alone is loaded. A token that is not in it ends the process. */
export interface NativeVocabulary {
  /** False where the file is not one that this release knows. */
  init(): Promise<boolean>;
  dispose(): Promise<void>;
  /** `special`: names of special tokens become these tokens. */
  tokenize(text: string, special: boolean): Uint32Array;
  detokenize(tokens: Uint32Array, special: boolean): string;
  /** -1 where there is none. */
  tokenBos(): number;
  tokenEos(): number;
  sepToken(): number;
  prefixToken(): number;
  suffixToken(): number;
  middleToken(): number;
  shouldPrependBosToken(): boolean;
  shouldAppendEosToken(): boolean;
  isEogToken(token: number): boolean;
  getTokenString(token: number): string | undefined;
  /** `llama_token_attr`, a set of bits. */
  getTokenAttributes(token: number): number;
  /** `llama_vocab_type`. */
  getVocabularyType(): number;
}

export type NativeGrammar = object;
export type NativeGrammarState = object;

export function isNative(bindings: unknown): bindings is NativeAddon {
  const { AddonJinjaRenderer, AddonModel, AddonGrammar, AddonSampler } = (bindings ?? {}) as Partial<NativeAddon>;
  return [AddonJinjaRenderer, AddonModel, AddonGrammar, AddonSampler].every((made) => typeof made === "function");
}
