// The names of a model's parts: `%s-%05d-of-%05d.gguf`, as `llama_split_path` of llama.cpp writes them.

export interface SplitName {
  /** The name up to the number of the part. */
  base: string;
  /** Counted from 1. */
  no: number;
  count: number;
}

/** The largest models have about fifty. */
const MOST_PARTS = 1000;
const SPLIT_NAME = /^(.*)-(\d{5})-of-(\d{5})(\.gguf(?:[?#].*)?)$/is;

/** Takes a name, a path or an address; undefined where it names no part. */
export function parseSplitName(name: string): SplitName | undefined {
  const [, base, no, count] = SPLIT_NAME.exec(name) ?? [];
  return base === undefined ? undefined : { base, no: Number(no), count: Number(count) };
}

/** Names of all parts of a split file, of which one is given; of another file that alone. */
export function allParts(name: string): string[] {
  const [, base, , digits, end] = SPLIT_NAME.exec(name) ?? [];
  const count = Number(digits);
  if (digits === undefined || count < 2 || count > MOST_PARTS) return [name];
  return Array.from({ length: count }, (_, index) => `${base}-${String(index + 1).padStart(5, "0")}-of-${digits}${end}`);
}

/** `a/b.gguf` of `a/b-00001-of-00003.gguf`; another name as it is. */
export function withoutPart(name: string): string {
  return name.replace(SPLIT_NAME, "$1$4");
}
