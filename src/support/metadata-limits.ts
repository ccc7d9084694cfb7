// What metadata may be, sent or imported: OpenAI's limits for keys and strings, and nested values within bounds.

export const MOST_KEYS = 64;
/** In characters, as the next. */
export const LONGEST_KEY = 64;
export const LONGEST_STRING = 512;
/** Of its JSON. */
export const MOST_BYTES = 16 * 1024;
/** Levels, itself among them. */
export const DEEPEST = 32;
