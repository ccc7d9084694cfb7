// The context of a model whose positions are spread over more tokens than it was trained on.
import type { AdapterOptions } from "./adapter-options.ts";
import type { GgufHeader } from "./gguf/header.ts";

type ContextFacts = Partial<Pick<GgufHeader, "context_length" | "original_context_length">>;

/** In tokens: what it was trained on before its positions were spread, and what it takes since; undefined where the file does not say it. */
export interface ScaledContext {
  original: number | undefined;
  context: number | undefined;
}

/** By the options of the model, where they say how positions are spread, else by its file. */
export function scaledContext(header: ContextFacts, options: AdapterOptions = {}): ScaledContext {
  const { rope_scaling, rope_factor = 1, rope_original_context } = options;
  const { context_length, original_context_length = context_length } = header;
  if (rope_scaling === undefined) return { original: original_context_length, context: context_length };
  if (rope_scaling === "none") return { original: original_context_length, context: original_context_length };
  const original = rope_original_context ?? original_context_length;
  return { original, context: original && Math.floor(original * rope_factor) };
}
