// The shape of a network by the keys of its GGUF, from which the memory of a context follows.
import { damageError } from "./cursor.ts";
import { windowedLayers } from "./sliding-window.ts";
import { lengthOf, MOST_LAYERS, numbersOf, type Pairs, textOf } from "./metadata.ts";

/** 0 or undefined where the file does not say it. */
export type NetworkShape = ReturnType<typeof shapeOf>;

/** Throws `GgufError` where a value is of the wrong kind, or there are more layers than llama.cpp can hold. */
export function shapeOf(pairs: Pairs) {
  const architecture = textOf(pairs, "general.architecture") ?? "";
  const key = (name: string): string => `${architecture}.${name}`;
  // A key may have one number for each layer: the largest counts.
  const given = (name: string): number | undefined => largest(numbersOf(pairs, key(name)));
  const one = (name: string): number => given(name) ?? 0;
  const block_count = one("block_count");
  // llama.cpp aborts the process at more layers than it can hold.
  if (block_count > MOST_LAYERS) throw damageError(`it is said to have ${block_count} layers`);
  const embedding_length = one("embedding_length");
  const head_count = numbersOf(pairs, key("attention.head_count")) ?? 0;
  const sliding_window = one("attention.sliding_window") || undefined;
  const pattern = numbersOf(pairs, key("attention.sliding_window_pattern"));
  const windowed = sliding_window === undefined ? undefined : windowedLayers(architecture, block_count, pattern);
  const original_context_length = one("rope.scaling.original_context_length");
  const head_length = Math.ceil(embedding_length / (fewest(head_count) || Infinity));
  return {
    /** Tokens the model was trained on. */
    context_length: one("context_length") || undefined,
    /** The same before its positions were spread over more (RoPE scaling), where they were. */
    ...(original_context_length > 0 && { original_context_length }),
    /** Layers. */
    block_count,
    embedding_length,
    /** Width of the widest layer; with experts, of all that work on one token. */
    feed_forward_length: widest(one),
    /** One number for all layers, or one for each; 0 where a layer has no attention. */
    head_count,
    head_count_kv: numbersOf(pairs, key("attention.head_count_kv")) ?? head_count,
    /** Elements of one head's key and value. */
    key_length: given("attention.key_length") ?? head_length,
    value_length: given("attention.value_length") ?? head_length,
    /** Tokens that the layers with a window look back. */
    sliding_window,
    /** Which layers these are; absent where that is not known. */
    ...(windowed && { windowed }),
    /** Elements, of 32 bits each, that a recurrent layer keeps for each slot. */
    state_length: stateLength(one, embedding_length),
    vocab_size: lengthOf(pairs, "tokenizer.ggml.tokens") ?? one("vocab_size"),
    /** Merges of the tokenizer. */
    merge_count: lengthOf(pairs, "tokenizer.ggml.merges") ?? 0,
  };
}

function widest(one: (name: string) => number): number {
  const layer = one("feed_forward_length");
  // Experts have a length of their own in some architectures only.
  return Math.max(layer, (one("expert_feed_forward_length") || layer) * one("expert_used_count"));
}

function largest(values: number | number[] | undefined): number | undefined {
  return Array.isArray(values) ? Math.max(0, ...values) : values;
}

/** As `n_embd_r` and `n_embd_s` of llama.cpp: the last inputs of the convolution, and the state, of each architecture. */
function stateLength(one: (name: string) => number, embedding_length: number): number {
  const head_size = one("wkv.head_size");
  if (head_size > 0) return embedding_length * ((one("token_shift_count") || 2) + head_size);
  const cached = one("shortconv.l_cache");
  if (cached > 0) return embedding_length * (cached - 1);
  const [kernel, inner, state] = [one("ssm.conv_kernel"), one("ssm.inner_size"), one("ssm.state_size")];
  return Math.max(0, kernel - 1) * (inner + 2 * one("ssm.group_count") * state) + inner * state;
}

/** Heads of the layer that has the fewest, but for layers without any: its heads are the longest. */
function fewest(head_count: number | number[]): number {
  const some = [head_count].flat().filter((count) => count > 0);
  return some.length === 0 ? 0 : Math.min(...some);
}
