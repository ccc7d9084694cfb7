// The texts of a request in parts, as each is asked for.
import type { PartSize } from "./part-size.ts";

export interface Part<Text> {
  texts: Text[];
  /** Of the first of them, among all. */
  index: number;
  size: number;
}

/** Each as large as the answers to those before it say. */
export function* partsOf<Text>(
  texts: readonly Text[],
  sizeOf: (text: Text) => number,
  part_size: PartSize,
): Generator<Part<Text>> {
  let part: Part<Text> = { texts: [], index: 0, size: 0 };
  for (const [index, text] of texts.entries()) {
    const size = sizeOf(text);
    if (part.texts.length > 0 && part.size + size > part_size.size()) {
      yield part;
      part = { texts: [], index, size: 0 };
    }
    part.texts.push(text);
    part.size += size;
  }
  yield part;
}
