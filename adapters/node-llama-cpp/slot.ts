// A slot of the native context, and the generation that runs in it.
import type { AddonSampler, SamplerConfig } from "./addon.ts";
import type { CachedTokens } from "./state-file.ts";

export interface GenerationTask {
  prompt: readonly number[];
  sampling: SamplerConfig;
  /** Cached tokens are reused only where the logits come out the same as without them. */
  repeatable: boolean;
  /** False: nothing that is cached is reused. */
  reuses: boolean;
  /** As `ChatRequest.cache_scope`. */
  scope: string;
  /** A piece of the prompt was read, and more is to come. */
  onPrompt(read: number): void;
  /**
   * Called with every sampled token, in order; answers whether another one is to be sampled. Runs on the hot path, and must not throw.
   * `cached`: prompt tokens that the slot held already. `sequence`: the slot.
   */
  onToken(token: number, where: { cached: number; sequence: number }): boolean;
  onError(error: unknown): void;
}

export interface EmbeddedSlot extends CachedTokens {
  readonly sequence: number;
  /** Whose tokens it holds, as `ChatRequest.cache_scope`. */
  scope: string;
  tokens: number[];
  exact: number;
  generation: RunningGeneration | undefined;
  last_used: number;
}

export interface RunningGeneration extends GenerationTask {
  sampler: AddonSampler;
  cached: number;
  /** Prompt tokens still to be fed. */
  unread: readonly number[];
  /** The token sampled last, to be fed next. */
  next: number | undefined;
  stopped: boolean;
}
