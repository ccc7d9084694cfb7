// Finds special tokens of a model in the messages of its clients: text must not end its own message, or begin another's.

/** Comparisons in one text: more of them are an attack on the server's time. */
const MAX_COMPARISONS = 10_000;

/** Makes a function that tells whether any of the names stands in a text; a text that takes too many comparisons counts as one. */
export function createNameFinder(names: ReadonlySet<string>): (text: string) => boolean {
  const lengths = [...new Set([...names].map(({ length }) => length))];
  const first = new Set([...names].map((name) => name.charCodeAt(0)));
  return (text) => {
    let comparisons = 0;
    for (let at = 0; at < text.length; at++) {
      if (!first.has(text.charCodeAt(at))) continue;
      if (++comparisons > MAX_COMPARISONS || lengths.some((length) => names.has(text.slice(at, at + length)))) return true;
    }
    return false;
  };
}

/** Whether a token steers the model by its form, whatever its type: llama.cpp takes `<|start|>` of gpt-oss for a user-defined token. */
export const looksSpecial = (name: string): boolean => /^<[|｜].+[|｜]>$/.test(name);
