// Messages of valibot schemas that carry an error code of their own.

/**
 * A message for a valibot schema or action where the general code or sentence will not do:
 * `v.maxLength(100_000, coded("too_many_messages", "Send at most 100,000 messages."))`. It also keeps a union from being looked into.
 */
export function codedMessage(code: string, sentence: string): string {
  return `${code}: ${sentence}`;
}

/** What a coded message begins with. */
export const CODED = /^([a-z_]{1,40}): /;
