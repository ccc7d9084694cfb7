const SWITCH_WORDS: Record<string, boolean> = {
  ...{ true: true, yes: true, on: true, 1: true },
  ...{ false: false, no: false, off: false, 0: false },
};

/** What a word says of a switch, in either case; undefined where it says nothing. */
export const readSwitch = (word: string): boolean | undefined =>
  Object.hasOwn(SWITCH_WORDS, word.toLowerCase()) ? SWITCH_WORDS[word.toLowerCase()] : undefined;
