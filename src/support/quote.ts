// Quotes a value that a client sent in the sentence of an error.

/** At most 200 characters of the value; text in quotation marks, control characters escaped. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
