// The names of a model's parts: `%s-%05d-of-%05d.gguf`, as `llama_split_path` of llama.cpp writes them.

/** The largest models have about fifty. */
const MOST_PARTS = 1000;
const SPLIT_NAME = /^(.*)-(\d{5})-of-(\d{5})(\.gguf(?:[?#].*)?)$/is;

/** The number of a part, from 1, and of all; 1 of 1 for another file. Takes a name, a path or an address, as all here do. */
export function partOf(name: string): { no: number; count: number } {
  const [, , no = 1, count = 1] = SPLIT_NAME.exec(name) ?? [];
  return { no: Number(no), count: Number(count) };
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

/** The sentence that names parts which are not there. */
export function missingParts(missing: string[]): string {
  const names = missing.slice(0, 3).map((path) => path.split(/[/\\]/).at(-1)!);
  const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : "";
  return `Missing: ${names.join(", ")}${more}.`;
}
