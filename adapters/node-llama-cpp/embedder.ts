// A vector or a score of the tokens of a text, in a context of its own on the weights of a model: one text in one sequence, whose positions
// begin at 0. Of several sequences in a batch, the library answers with the first alone.
import type { LlamaModel } from "node-llama-cpp";
import type { EmbeddingSizes } from "../../models/embedding-sizes.ts";
import { AdapterError } from "../adapter.ts";
import { createEmbeddingContext, type EmbeddingContext, type EmbeddingContextOptions } from "./addon.ts";

export interface Embedder {
  /**
   * What the model says of the text, not normalised: a vector, or of a reranker its score and what goes with that. At least one token, and no
   * more than the sizes say: llama.cpp ends the process at some lengths beyond. One call at a time. Throws the signal's reason between two
   * steps, and what the decode throws.
   */
  compute(tokens: readonly number[], signal: AbortSignal): Promise<Float64Array>;
  dispose(): Promise<void>;
}

export interface EmbedderOptions extends EmbeddingSizes, Pick<EmbeddingContextOptions, "threads" | "ranks" | "adapter_options"> {}

export async function openEmbedder(model: LlamaModel, options: EmbedderOptions, signal?: AbortSignal): Promise<Embedder> {
  const { step, longest, ...others } = options;
  const { native, dispose } = await createEmbeddingContext(model, { context: Math.max(step, longest), step, ...others }, signal);
  return { compute: createCompute(native, { step, longest }), dispose };
}

/** An embedder whose memory is taken where somebody wants a vector of a model that writes, and not before. `id`: of the model. */
export function embedderAtFirstUse(id: string, open: () => Promise<Embedder>) {
  let opening: Promise<Embedder> | undefined;
  return {
    /** Throws `AdapterError`; the next call tries again. */
    open: () =>
      (opening ??= open().catch((cause: Error) => {
        opening = undefined;
        const public_message = `The engine of model "${id}" has no memory for embeddings now. The server's log says why.`;
        const message = `The engine of model "${id}" cannot make a context for embeddings (${cause.message}).`;
        throw new AdapterError("generation_failed", message, { public_message, cause });
      })),
    dispose: async (): Promise<void> => (await opening?.catch(() => undefined))?.dispose(),
  };
}

export function createCompute(context: EmbeddingContext, { step, longest }: EmbeddingSizes): Embedder["compute"] {
  return async function compute(tokens, signal) {
    if (tokens.length === 0 || tokens.length > longest) throw new RangeError(`${tokens.length} tokens are none, or too many.`);
    context.disposeSequence(0);
    for (let at = 0; at < tokens.length; at += step) {
      signal.throwIfAborted();
      const piece = Uint32Array.from(tokens.slice(at, at + step));
      context.initBatch(piece.length);
      context.addToBatch(0, at, piece, Uint32Array.of(piece.length - 1));
      await context.decodeBatch();
    }
    return context.getEmbedding(tokens.length);
  };
}
