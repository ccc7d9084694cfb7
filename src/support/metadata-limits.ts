// What metadata may be, sent or imported: OpenAI's limits for keys and strings, and nested values within bounds.

export const MAX_KEYS = 64;
/** In characters, as the next. */
export const MAX_KEY_LENGTH = 64;
export const MAX_STRING_LENGTH = 512;
/** Of its JSON. */
export const MAX_BYTES = 16 * 1024;
/** Levels, itself among them. */
export const MAX_DEPTH = 32;
