// The few native calls of node-llama-cpp that the batcher makes itself. They are internal to that package, so package.json pins its exact
// version and `addonOf` checks that they are where this release has them.
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import type { AdapterOptions } from "../../models/adapter-options.ts";
import { contextOptions } from "./load-options.ts";

/** What the batcher needs: the cells of sequences, and their decode. */
export interface BatchContext {
  initBatch(tokens: number): void;
  /** Answers with the indexes in the batch whose logits are computed: those that `logits` names. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logits: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  /** Removes all cells of the sequence. */
  disposeSequence(sequence: number): void;
  /** Removes a range of positions; false where the model's memory cannot. */
  removeTokenCellsFromSequence(sequence: number, from: number, to: number): boolean;
  /**
   * The target gets all cells of the source, and loses its own. Their numbers are copied when the next decode begins: no state of either may
   * be saved or loaded before that, and nothing else be decoded into them.
   */
  copySequenceStateFromOtherSequence(target: number, source: number): Promise<number>;
  setThreads(threads: number): void;
  /** `words` go before the cells, as they are. Answers with the bytes written. Must not run beside a decode, as its counterpart. */
  saveSequenceStateToFile(path: string, sequence: number, words: Uint32Array): Promise<number>;
  /** Answers with the words. The file is not checked. */
  loadSequenceStateFromFile(path: string, sequence: number, max_words: number): Promise<Uint32Array>;
  /** -1 where the sequence is empty. */
  getSequenceKvCacheMinPosition(sequence: number): number;
  getSequenceKvCacheMaxPosition(sequence: number): number;
}

/** A context that makes vectors. Each text begins its sequence anew. */
export interface EmbeddingContext extends Pick<BatchContext, "initBatch" | "addToBatch" | "decodeBatch" | "disposeSequence"> {
  /** Of the sequence 0, whatever the number of tokens, which is above 0. Answers with other memory where the last batch has not had it. */
  getEmbedding(tokens: number): Float64Array;
}

export interface EmbeddingContextOptions {
  /** Tokens of a text. */
  context: number;
  /** Tokens of a decode. */
  step: number;
  threads: number;
  /** It makes scores. The model must have a head for that: else they have no meaning. */
  ranks: boolean;
  /** Of the model. */
  adapter_options?: AdapterOptions | undefined;
}

/** The options that make such a context of the library's own are internal to it. */
export async function createEmbeddingContext(model: LlamaModel, options: EmbeddingContextOptions, createSignal?: AbortSignal) {
  const { context, step, threads, ranks, adapter_options } = options;
  const sizes = { sequences: 1, contextSize: context, batchSize: step, threads };
  const internal = { _embeddings: true, ...(ranks && { _ranking: true }) };
  const made = await model.createContext({
    ...contextOptions(adapter_options),
    ...sizes,
    ...internal,
    failedCreationRemedy: false,
    ...(createSignal && { createSignal }),
  });
  const native = (made as unknown as { _ctx?: EmbeddingContext })._ctx;
  if (native?.getEmbedding === undefined) throw otherRelease();
  return { native, dispose: () => made.dispose() };
}

export interface AddonContext extends BatchContext {
  /** Samples and accepts, so that penalties and the grammar see the token; -1 where nothing could be sampled. */
  sampleToken(index: number, sampler: AddonSampler): Promise<number>;
  /**
   * `logits`: which are wanted. Answers with the sampled token at 0, with tokens and their logits in turn at 3, and at 4, with `total`, with the
   * sum of the exponents of all logits that are left, less the highest of them.
   */
  sampleToken(
    index: number,
    sampler: AddonSampler,
    probabilities: false,
    confidence: false,
    logits: LogitsQuestion | false,
    total: boolean,
  ): Promise<readonly [number, undefined, undefined, number[]?, number?]>;
}

/** Tokens whose logits are wanted; whether the highest and the lowest are (which this release adds to what has them); the sampled one; how many of the top. */
export type LogitsQuestion = readonly [tokens: readonly number[], highest: false, lowest: false, sampled: boolean, top: number];

export interface AddonSampler {
  applyConfig(config: SamplerConfig): void;
  dispose(): void;
}

/** What is left out of the first part has a hidden default, and of the second is off. */
export interface SamplerConfig {
  temperature: number;
  topP: number;
  minP: number;
  seed: number;
  repeatPenalty: number;
  repeatPenaltyFrequencyPenalty: number;
  repeatPenaltyPresencePenalty: number;
  /** Tokens that the penalties count before the first sample. */
  repeatPenaltyTokens: Uint32Array;
  /** How many of the latest tokens count; memory of that size is taken at once. */
  repeatPenaltyMaxTokens: number;

  /** 0 is as many as the vocabulary has, all of which are sorted for each token. */
  topK?: number;
  xtcProbability?: number;
  xtcThreshold?: number;
  dryRepeatPenaltyStrength?: number;
  dryRepeatPenaltyBase?: number;
  dryRepeatPenaltyAllowedLength?: number;
  /** Memory of that size is taken at once; -1 is no number here. */
  dryRepeatPenaltyLastTokens?: number;
  dryRepeatPenaltySequenceBreakers?: readonly string[];
  tokenBiasKeys?: Uint32Array;
  tokenBiasValues?: Float32Array;
  /** No two samplers may share one. Left out, not undefined, where there is none. */
  grammarEvaluationState?: GrammarState;
}

/** How far a text has come in its grammar. After an error of a sampler that has it, it must not be used: that ends the process. */
export type GrammarState = object & { readonly brand: unique symbol };

interface Bindings {
  AddonSampler: {
    new (weights: AddonModel): AddonSampler;
    canBeNextTokenForGrammarEvaluationState(state: GrammarState, token: number): boolean;
    acceptGrammarEvaluationStateToken(state: GrammarState, token: number): void;
  };
  AddonGrammar: new (gbnf: string, options: { addonExports: Bindings; rootRuleName: string }) => object;
  AddonGrammarEvaluationState: {
    new (weights: AddonModel, grammar: object): GrammarState;
    new (from: GrammarState): GrammarState;
  };
}

export interface AddonModel {
  isEogToken(token: number): boolean;
  /** As the file has it: bytes that are no text are written as characters that stand for them. */
  getTokenString(token: number): string;
  /** `llama_token_attr`, a set of bits. */
  getTokenAttributes(token: number): number;
  /** `llama_vocab_type`. */
  getVocabularyType(): number;
}

/** The native calls with a loaded model. */
export interface Addon {
  context: AddonContext;
  model: AddonModel;
  newSampler(config: SamplerConfig): AddonSampler;
  /** Throws where the grammar does not compile. */
  newGrammarState(gbnf: string): GrammarState;
  cloneGrammarState(state: GrammarState): GrammarState;
  /** Whether the grammar allows the token; asked of a token that ends an answer, whether the text is whole. */
  canBeNext(state: GrammarState, token: number): boolean;
  /** A token that cannot be next, or one that ends an answer, ends the process. */
  accept(state: GrammarState, token: number): void;
}

/** Throws `TypeError` where node-llama-cpp is not the release that this file was written for. */
export function addonOf(llama: Llama, model: LlamaModel, context: LlamaContext): Addon {
  const bindings = (llama as unknown as { _bindings?: Bindings })._bindings;
  const native = (context as unknown as { _ctx?: AddonContext })._ctx;
  const weights = (model as unknown as { _model?: AddonModel })._model;
  const has_calls = native?.decodeBatch !== undefined && native.copySequenceStateFromOtherSequence !== undefined;
  const has_sampler = bindings?.AddonSampler?.canBeNextTokenForGrammarEvaluationState !== undefined;
  if (!has_sampler || bindings.AddonGrammarEvaluationState === undefined || !has_calls || weights?.getTokenString === undefined) {
    throw otherRelease();
  }
  const { AddonSampler, AddonGrammar, AddonGrammarEvaluationState } = bindings;
  return {
    context: native,
    model: weights,
    newSampler(config) {
      const sampler = new AddonSampler(weights);
      sampler.applyConfig(config);
      return sampler;
    },
    newGrammarState(gbnf) {
      const grammar = new AddonGrammar(gbnf, { addonExports: bindings, rootRuleName: "root" });
      return new AddonGrammarEvaluationState(weights, grammar);
    },
    cloneGrammarState: (state) => new AddonGrammarEvaluationState(state),
    canBeNext: (state, token) => AddonSampler.canBeNextTokenForGrammarEvaluationState(state, token),
    accept: (state, token) => AddonSampler.acceptGrammarEvaluationStateToken(state, token),
  };
}

function otherRelease(): TypeError {
  return new TypeError("This release of node-llama-cpp is not the one in ingle's package.json. Install that one.");
}
