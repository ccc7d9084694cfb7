// What engines are asked for beside texts: vectors, and the ranks of documents.
export interface EmbedRequest {
  /** At least one, and none is empty. What a sequence begins and ends with is added to tokens that lack it. */
  inputs: readonly (string | readonly number[])[];
  /** The first so many numbers of each vector, of the L2 norm 1 again; absent: all. */
  dimensions?: number;
}

/** `vector`: of the L2 norm 1, where this machine computes it. `usage`: of all texts. */
export type EmbedEvent = { type: "embedding"; index: number; vector: Float32Array } | { type: "finish"; usage: TextUsage };

export interface RerankRequest {
  query: string;
  /** At least one. */
  documents: readonly string[];
}

/** `score`: as the model's head has it, higher for a better answer; in no range that all models share. */
export type RerankEvent = { type: "score"; index: number; score: number } | { type: "finish"; usage: TextUsage };

/** Numbers of tokens, as of a generation: nothing is generated for a text. */
export interface TextUsage {
  prompt_tokens: number;
  completion_tokens: 0;
  cached_tokens: number;
}
