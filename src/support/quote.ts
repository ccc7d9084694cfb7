// Values that a client sent, for the sentences of errors.

/** At most 200 characters of what a client sent, fit for a message. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
