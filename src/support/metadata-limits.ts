// Limits of metadata, sent or imported: OpenAI's for keys and strings, our own for nested values.

export const MAX_KEYS = 64;
/** In characters, as `MAX_STRING_LENGTH`. */
export const MAX_KEY_LENGTH = 64;
export const MAX_STRING_LENGTH = 512;
/** Bytes of the JSON of all metadata. */
export const MAX_BYTES = 16 * 1024;
/** Levels of objects and arrays, the metadata itself among them. */
export const MAX_DEPTH = 32;
