// JSON as llama-server reads it: for half of a surrogate pair it refuses the whole text, also where that is a text within JSON.

/** Half of a surrogate pair, which JSON.stringify writes as an escape, becomes U+FFFD. */
export function toWellFormedJson(body: unknown): string {
  const json = JSON.stringify(body);
  if (!json.includes("\\ud")) return json;
  return json.replaceAll(/\\(?:ud[89a-f]..|[^])/g, (escape) => (escape.length > 2 ? "\\ufffd" : escape));
}
