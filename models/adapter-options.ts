// What a model needs of the engine that runs it: the closed list of what its record may set, and what of it contradicts itself.
import * as v from "valibot";
import type { GgufHeader } from "./gguf/header.ts";
import { TENSOR_TYPES } from "./gguf/tensor-types.ts";

/** As llama.cpp names the types that keys and values of a context can have; by their numbers among its tensors. */
const CACHE_TYPE_NUMBERS = { f32: 0, f16: 1, bf16: 30, q8_0: 8, q5_1: 7, q5_0: 6, q4_1: 3, q4_0: 2, iq4_nl: 20 } as const;
export type CacheType = keyof typeof CACHE_TYPE_NUMBERS;
export const CACHE_TYPES = Object.keys(CACHE_TYPE_NUMBERS) as CacheType[];

export const cacheTypeNumber = (type: CacheType): number => CACHE_TYPE_NUMBERS[type];

/** `bytes` are what `block` numbers take, which are stored together. */
export const cacheTypeSize = (type: CacheType): { block: number; bytes: number } => TENSOR_TYPES[CACHE_TYPE_NUMBERS[type]]!;

/** Bytes that a number takes, as a fraction where several are stored together. */
export function cacheNumberBytes(type: CacheType = "f16"): number {
  const { block, bytes } = cacheTypeSize(type);
  return bytes / block;
}

export const ROPE_SCALINGS = ["none", "linear", "yarn"] as const;
/** The ways of pooling that an engine can be told; the file says what it has else. */
export const SET_POOLINGS = ["mean", "cls", "last", "rank"] as const;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2 ** 31 - 1));

/** A file with changes of some weights (LoRA), in GGUF. */
export const LoraFile = v.object({
  /** Absolute path; the file is used in place: never copied, never deleted. */
  path: v.pipe(v.string(), v.minLength(1), v.maxLength(4_096)),
  /** How much of the changes is added; absent: all, 1. */
  scale: v.optional(v.pipe(v.number(), v.minValue(-100), v.maxValue(100))),
});
export type LoraFile = v.InferOutput<typeof LoraFile>;

export const AdapterOptions = v.object({
  /** Layers that a graphics card computes, the output counted as one; absent: as many as fit. */
  gpu_layers: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(10_000))),
  /** What the keys and values of a context are stored as; absent: f16. */
  cache_type_k: v.optional(v.picklist(CACHE_TYPES)),
  cache_type_v: v.optional(v.picklist(CACHE_TYPES)),
  /** Whether attention is computed in one pass; absent: where the engine can. */
  flash_attention: v.optional(v.boolean()),
  /** How positions are spread over a longer context than the model was trained on; absent, as the rest about it: as its file says. */
  rope_scaling: v.optional(v.picklist(ROPE_SCALINGS)),
  /** By how much the context becomes longer. */
  rope_factor: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(1_000))),
  /** Tokens that the model was trained on before. */
  rope_original_context: v.optional(Count),
  rope_freq_base: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1e12))),
  /** How one vector is made of those of all tokens, where the file does not say it, or says another. */
  pooling: v.optional(v.picklist(SET_POOLINGS)),
  lora: v.optional(v.pipe(v.array(LoraFile), v.minLength(1), v.maxLength(16))),
});
export type AdapterOptions = v.InferOutput<typeof AdapterOptions>;
export type AdapterOption = keyof AdapterOptions;
export const ADAPTER_OPTIONS = Object.keys(AdapterOptions.entries) as AdapterOption[];

/** What is wrong with one of the options, in sentences. */
export interface OptionFault {
  option: AdapterOption;
  message: string;
}

/** What contradicts itself whatever the model; undefined where nothing does. */
export function findContradiction(options: AdapterOptions): OptionFault | undefined {
  const { cache_type_v = "f16", flash_attention, rope_scaling, rope_factor, rope_original_context, lora = [] } = options;
  if (new Set(lora.map(({ path }) => path)).size < lora.length)
    return { option: "lora", message: "a file is named twice. Name it once, with one scale." };
  if (flash_attention === false && cacheTypeSize(cache_type_v).block > 1) {
    const message = `values in ${cache_type_v} need flash attention, which is off. Turn it on, or keep the values in f16.`;
    return { option: "cache_type_v", message };
  }
  const scales = rope_scaling === "linear" || rope_scaling === "yarn";
  if (scales && rope_factor === undefined)
    return {
      option: "rope_factor",
      message: `it is missing: ${rope_scaling} has to know by how much the context becomes longer.`,
    };
  if (scales) return undefined;
  const pointless = rope_factor !== undefined ? "rope_factor" : rope_original_context !== undefined && "rope_original_context";
  if (!pointless) return undefined;
  return { option: pointless, message: 'it says nothing without "rope_scaling". Set that to linear or yarn, or leave this out.' };
}

type FittedHeader = Pick<GgufHeader, "key_length" | "value_length" | "context_length" | "rank_head">;

/** What a model with this header cannot do; undefined where nothing is known to be wrong. */
export function findMisfit(options: AdapterOptions, header: FittedHeader): OptionFault | undefined {
  const { key_length, value_length, context_length, rank_head } = header;
  const { cache_type_k = "f16", cache_type_v = "f16", pooling, rope_scaling, rope_original_context } = options;
  if (pooling === "rank" && !rank_head)
    return { option: "pooling", message: "the file has no part that makes a rank. Take mean, cls or last." };
  const caches = [
    ["cache_type_k", cache_type_k, key_length],
    ["cache_type_v", cache_type_v, value_length],
  ] as const;
  for (const [option, type, length] of caches) {
    const { block } = cacheTypeSize(type);
    if (length % block === 0) continue;
    const message = `${type} stores numbers by ${block}, and a head of this model has ${length}. Take f16, bf16 or f32.`;
    return { option, message };
  }
  if (!rope_scaling || rope_scaling === "none" || (rope_original_context ?? context_length) !== undefined) return undefined;
  const message = 'the file does not say how long a context it was trained on. Say it with "rope_original_context".';
  return { option: "rope_scaling", message };
}

/** Null takes an option back. */
export type AdapterOptionsChange = { [Option in AdapterOption]?: AdapterOptions[Option] | null | undefined };

/** Undefined where none is left. */
export function changedOptions(options: AdapterOptions = {}, change: AdapterOptionsChange): AdapterOptions | undefined {
  const said = Object.entries(change).filter(([, value]) => value !== undefined);
  const all = Object.entries({ ...options, ...Object.fromEntries(said) }).filter(([, value]) => value !== null);
  return all.length === 0 ? undefined : (Object.fromEntries(all) as AdapterOptions);
}
