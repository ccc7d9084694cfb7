// Vectors of texts: their length, and how they travel.

/** Divided by the L2 norm, in numbers of 32 bits; of a vector that has none, zeros. Undefined where it holds what is no number. */
export function normalize(vector: ArrayLike<number>): Float32Array | undefined {
  let sum = 0;
  for (let at = 0; at < vector.length; at++) sum += vector[at]! * vector[at]!;
  if (!Number.isFinite(sum)) return undefined;
  const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
  const normal = new Float32Array(vector.length);
  for (let at = 0; at < vector.length; at++) normal[at] = vector[at]! * scale;
  return normal;
}

/** Base64 of its numbers, each of 32 bits, the lowest byte first. */
export function encodeVector({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

/** Throws `RangeError` where the text is not whole numbers long. */
export function decodeVector(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length % 4 !== 0) throw new RangeError(`A vector of ${bytes.length} bytes is none.`);
  // A copy: the bytes need not begin where a number of 32 bits may.
  return new Float32Array(new Uint8Array(bytes).buffer);
}
