// Which texts can be the id of a model: each has an address over HTTP and a record in every store.

/** Bytes of UTF-8. */
const LONGEST_ID = 512;

/** What is wrong with a text as the id of a model, behind "because"; undefined where it can be one. */
export function whyNoModelId(id: string): string | undefined {
  if (id === "") return "it is empty";
  if (id === "." || id === "..") return "a path that ends with it is that of a folder";
  if (!id.isWellFormed()) return "half of a character is in it, which no address can hold";
  const bytes = Buffer.byteLength(id);
  return bytes > LONGEST_ID ? `it has ${bytes} bytes, and ${LONGEST_ID} are the most` : undefined;
}
