// Special tokens of a model in the texts of its clients: a message that holds one must not end its turn, or begin another's.

/** Places of a text that are looked at: the time of a longer look is somebody's attack. */
const MOST_LOOKS = 10_000;

/** Whether any of the names stands in a text; where it would take too long to find out, yes. */
export function createNameFinder(names: ReadonlySet<string>): (text: string) => boolean {
  const lengths = [...new Set([...names].map(({ length }) => length))];
  const first = new Set([...names].map((name) => name.charCodeAt(0)));
  return (text) => {
    let looks = 0;
    for (let at = 0; at < text.length; at++) {
      if (!first.has(text.charCodeAt(at))) continue;
      if (++looks > MOST_LOOKS || lengths.some((length) => names.has(text.slice(at, at + length)))) return true;
    }
    return false;
  };
}

/** Whether a token of this name steers a model whatever its type is: llama.cpp gives `<|start|>` of gpt-oss that of a plain addition. */
export const looksSpecial = (name: string): boolean => /^<[|｜].+[|｜]>$/.test(name);
