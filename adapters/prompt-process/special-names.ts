// The names of a vocabulary's special tokens, found in texts in one pass.

interface Node {
  next: Map<number, Node>;
  name: SpecialName | undefined;
}

/** What a token's name means in a text. */
export interface SpecialName {
  /** It steers the model, so a client's text must not hold it. */
  steers: boolean;
  /** The tokenizer drops white space before it. */
  strips_left: boolean;
}

export interface SpecialNames {
  readonly all: readonly string[];
  /** All names that begin at a place of a text. */
  at(text: string, place: number): (SpecialName & { length: number })[];
}

const NONE: never[] = [];

export function createSpecialNames(names: ReadonlyMap<string, SpecialName>): SpecialNames {
  const root = new Map<number, Node>();
  // Most characters begin no name, and a table answers faster than a map.
  const begins = new Uint8Array(0x10000);
  for (const [text, name] of names) {
    let next = root;
    let node: Node | undefined;
    begins[text.charCodeAt(0)] = 1;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      node = next.get(code) ?? { next: new Map(), name: undefined };
      next.set(code, node);
      next = node.next;
    }
    if (node !== undefined) node.name = name;
  }
  return {
    all: [...names.keys()],
    at(text, place) {
      if (begins[text.charCodeAt(place)] === 0) return NONE;
      const found: (SpecialName & { length: number })[] = [];
      let node = root.get(text.charCodeAt(place));
      for (let length = 1; node !== undefined; length++) {
        if (node.name !== undefined) found.push({ ...node.name, length });
        node = node.next.get(text.charCodeAt(place + length));
      }
      return found;
    },
  };
}
