// The few native calls of node-llama-cpp that the batcher makes itself. They are internal to that package, so package.json pins its exact
// version and `addonOf` checks that they are where this release has them.
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";

export interface AddonContext {
  initBatch(tokens: number): void;
  /** Answers with the indexes in the batch whose logits are computed: those that `logits` names. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logits: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  /** Samples and accepts, so that penalties see the token; -1 where nothing could be sampled. */
  sampleToken(index: number, sampler: AddonSampler): Promise<number>;
  /** Removes all cells of the sequence. */
  disposeSequence(sequence: number): void;
  /** Removes a range of positions; false where the model's memory cannot. */
  removeTokenCellsFromSequence(sequence: number, from: number, to: number): boolean;
  setThreads(threads: number): void;
  /** `words` go before the cells, as they are. Answers with the bytes written. Must not run beside a decode, as its counterpart. */
  saveSequenceStateToFile(path: string, sequence: number, words: Uint32Array): Promise<number>;
  /** Answers with the words. The file is not checked. */
  loadSequenceStateFromFile(path: string, sequence: number, max_words: number): Promise<Uint32Array>;
  /** -1 where the sequence is empty. */
  getSequenceKvCacheMinPosition(sequence: number): number;
  getSequenceKvCacheMaxPosition(sequence: number): number;
}

export interface AddonSampler {
  applyConfig(config: SamplerConfig): void;
  dispose(): void;
}

/** No field is optional: what is left out has a hidden default. */
export interface SamplerConfig {
  temperature: number;
  topK: number;
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
}

export interface Addon {
  context: AddonContext;
  newSampler(config: SamplerConfig): AddonSampler;
}

/** Throws `TypeError` where node-llama-cpp is not the release that this file was written for. */
export function addonOf(llama: Llama, model: LlamaModel, context: LlamaContext): Addon {
  const bindings = (llama as unknown as { _bindings?: { AddonSampler: new (model: unknown) => AddonSampler } })._bindings;
  const native = (context as unknown as { _ctx?: AddonContext })._ctx;
  const weights = (model as unknown as { _model?: unknown })._model;
  const has_calls = native?.decodeBatch !== undefined && native.loadSequenceStateFromFile !== undefined;
  if (bindings?.AddonSampler === undefined || !has_calls || weights === undefined) {
    throw new TypeError("This release of node-llama-cpp is not the one in ingle's package.json. Install that one.");
  }
  return {
    context: native,
    newSampler(config) {
      const sampler = new bindings.AddonSampler(weights);
      sampler.applyConfig(config);
      return sampler;
    },
  };
}
