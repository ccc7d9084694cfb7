// The forms of markers in templates, and how an end is made of a beginning.

const TAG = String.raw`<[^<>\s]+>|\[/?[A-Z][A-Z_ ]*\]`;
/** Several tags with a word between them: channels, recipients, and the elements of Kimi K3. */
const HEADER = String.raw`<\|(?:open|close)\|>\w+<\|sep\|>|<\|channel\|>\w+<\|message\|>|<\|channel>\w+|to=\w+<\|message\|>`;
const AT_END = new RegExp(String.raw`(?:${HEADER}|${TAG})(?=\s*$)`);
const AT_START = new RegExp(`^(?:${HEADER}|${TAG})`);

export function tagAtEnd(text: string): string | undefined {
  return AT_END.exec(text.slice(-LONGEST))?.[0];
}

export function tagAtStart(text: string): string | undefined {
  return AT_START.exec(text.slice(0, LONGEST))?.[0];
}

/** Characters. */
const LONGEST = 256;

/** The ends that a beginning may have. */
export function mirrorsOf(begin: string): string[] {
  const mirrors = [
    begin.replace(/^<\|open\|>/, "<|close|>"),
    begin.replace("START", "END"),
    begin.replace("_prefix|>", "_suffix|>"),
    begin.replace(/^<\|(\w+)>\w*$/, "<$1|>"),
    begin.replace(/^([<[])(?![|/])/, "$1/"),
  ];
  return mirrors.filter((mirror) => mirror !== begin);
}

/** The names of special tokens that may be in a text of markers: all tags, and each text as a whole. */
export function tagsOf(texts: readonly string[]): string[] {
  const tags = texts.flatMap((text) => [text.trim(), ...(text.match(new RegExp(TAG, "g")) ?? [])]);
  return [...new Set(tags)].filter((tag) => tag !== "");
}
