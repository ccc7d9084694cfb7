// A slot of the native context, and the generation that runs in it.
import type { CachedTokens } from "./state-file.ts";
import type { Likelihoods, SampledToken } from "./likelihood.ts";
import type { TokenSampler } from "./token-sampler.ts";

export interface GenerationTask {
  prompt: readonly number[];
  /** One for each choice, from one to the number of slots. The batcher disposes of them. */
  samplers: readonly TokenSampler[];
  /** Cached tokens are reused only where the logits come out the same as without them. */
  repeatable: boolean;
  /** False: nothing that is cached is reused. */
  reuses: boolean;
  /** As `ChatRequest.cache_scope`. */
  scope: string;
  /** As `TokenRequest.continues`: what this slot holds is reused in any case. */
  continues?: number | undefined;
  /** The tokens of the prompt are wanted with their likelihoods. */
  scores?: PromptScores | undefined;
  /** A piece of the prompt was read, and more is to come. */
  onPrompt(read: number): void;
  /**
   * Called with every sampled token of a choice, in order; answers whether another one is to be sampled. Runs on the hot path, and must not
   * throw. `cached`: prompt tokens that the slot held already. `sequence`: the slot.
   */
  onToken(sampled: SampledToken, where: { choice: number; cached: number; sequence: number }): boolean;
  onError(error: unknown): void;
}

export interface PromptScores {
  likelihoods: Likelihoods;
  /** Called with the tokens behind the first one, in order; as `onToken`. */
  onScored(tokens: readonly SampledToken[]): void;
}

export interface EmbeddedSlot extends CachedTokens {
  readonly sequence: number;
  /** Whose tokens it holds, as `ChatRequest.cache_scope`. */
  scope: string;
  tokens: number[];
  exact: number;
  generation: RunningGeneration | undefined;
  last_used: number;
  /** Its cells were copied from another slot, and their numbers come with the next decode: it takes part in that one. */
  unsettled: boolean;
}

/** One choice of a task. */
export interface RunningGeneration {
  readonly task: GenerationTask;
  readonly choice: number;
  readonly sampler: TokenSampler;
  cached: number;
  /** Prompt tokens still to be fed. */
  unread: readonly number[];
  /** The token sampled last, to be fed next. */
  next: number | undefined;
  stopped: boolean;
  /** Of the first choice, while it reads the prompt: the slots of the others. */
  further: readonly EmbeddedSlot[];
  /** Of the others, until they have the cells of the prompt: the slot of the first choice. */
  source: EmbeddedSlot | undefined;
}
