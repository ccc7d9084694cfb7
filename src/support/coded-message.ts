// Messages of valibot schemas that carry an error code of their own.

/**
 * A message for a valibot schema or action where the general code or sentence will not do:
 * `v.maxLength(100_000, codedMessage("too_many_messages", "Send at most 100,000 messages."))`. With it, `toBadRequest` does not look into a union.
 */
export function codedMessage(code: string, sentence: string): string {
  return `${code}: ${sentence}`;
}

/** The code at the start of a coded message. */
export const CODED = /^([a-z_]{1,40}): /;
