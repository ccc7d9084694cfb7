// The blocks in which ggml keeps weights, filled with numbers about zero: what engines are timed with. The layouts are those of `ggml-common.h`.
import { TENSOR_TYPES } from "../../models/gguf/tensor-types.ts";

export interface WeightBlocks {
  /** As `enum ggml_type` numbers it. */
  type: number;
  /** Weights of a block, and the bytes that it takes. */
  block: number;
  bytes: number;
  /** Blocks behind each other, the same at every call. */
  pattern: Uint8Array;
}

/** Half floats of a block, by the byte where each begins: the scale, and the least value where a type has one. */
type Scales = Record<number, number>;

const [EXPONENT_OF_1, EXPONENT_BITS] = [15, 10];
/** 2 to the power, as a half float. */
const half = (power: number, fraction = 0): number => ((EXPONENT_OF_1 + power) << EXPONENT_BITS) | fraction;
const NEGATIVE = 0x8000;

/** What makes a few of a type's integers a number below 1. The least values bring the mean to zero: -7.5, -15.5 and 7.5 scales, and so on. */
const SCALES: Record<string, Scales> = {
  Q4_0: { 0: half(-7) },
  Q4_1: { 0: half(-7), 2: NEGATIVE | half(-5, 0x380) },
  Q5_0: { 0: half(-8) },
  Q5_1: { 0: half(-8), 2: NEGATIVE | half(-5, 0x3c0) },
  Q8_0: { 0: half(-11) },
  Q2_K: { 80: half(-8), 82: half(-8, 0x200) },
  Q3_K: { 108: half(-11) },
  Q4_K: { 0: half(-13), 2: half(-11, 0x380) },
  Q5_K: { 0: half(-14), 2: half(-11, 0x3c0) },
  Q6_K: { 208: half(-14) },
  IQ2_XXS: { 0: half(-9) },
  IQ2_XS: { 0: half(-9) },
  IQ2_S: { 0: half(-9) },
  IQ3_XXS: { 0: half(-9) },
  IQ3_S: { 0: half(-9) },
  IQ1_S: { 0: half(-7) },
  IQ4_NL: { 0: half(-11) },
  IQ4_XS: { 0: half(-14) },
  TQ1_0: { 52: half(-5) },
  TQ2_0: { 64: half(-5) },
};

/** Types without half floats to be set. */
const SCALELESS = new Set(["F32", "F16", "BF16", "MXFP4"]);

const PATTERN_BYTES = 256 * 1024;

/** Whether engines can be timed with weights of a type, by its name. */
export const hasWeightBlocks = (name: string): boolean => name in SCALES || SCALELESS.has(name);

/** Undefined for a type whose blocks are not known here. */
export function weightBlocks(name: string): WeightBlocks | undefined {
  const entry = Object.entries(TENSOR_TYPES).find(([, known]) => known.name === name);
  if (entry === undefined || !hasWeightBlocks(name)) return undefined;
  const [type, { block, bytes }] = entry;
  const pattern = new Uint8Array(Math.floor(PATTERN_BYTES / bytes) * bytes);
  fillWithNoise(pattern);
  if (name === "F32") boundExponents(pattern, bytes, 3, 0x3c);
  else if (name === "F16") boundExponents(pattern, bytes, 1, 0x28);
  else if (name === "BF16") boundExponents(pattern, bytes, 1, 0x3c);
  else if (name === "MXFP4") for (let at = 0; at < pattern.length; at += bytes) pattern[at] = EXPONENT_OF_MXFP4;
  else setScales(pattern, bytes, SCALES[name]!);
  return { type: Number(type), block, bytes, pattern };
}

/** 2 to the power of -7, beside a bias of 127. */
const EXPONENT_OF_MXFP4 = 120;

/** The sign and the fraction of each number stay: its magnitude is about 0.01 to 0.1. */
function boundExponents(pattern: Uint8Array, bytes: number, highest: number, exponent: number): void {
  for (let at = highest; at < pattern.length; at += bytes) pattern[at] = (pattern[at]! & 0x83) | exponent;
}

function setScales(pattern: Uint8Array, bytes: number, scales: Scales): void {
  const view = new DataView(pattern.buffer);
  for (const [place, value] of Object.entries(scales))
    for (let at = Number(place); at < pattern.length; at += bytes) view.setUint16(at, value, true);
}

/** Xorshift with 32 bits. */
function fillWithNoise(bytes: Uint8Array): void {
  let state = 1;
  for (let at = 0; at < bytes.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state >>> 11;
  }
}
