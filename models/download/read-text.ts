import type { DialResponse } from "./dial.ts";

/** The body of a response as text; undefined where it has more than `most` characters. Throws what reading throws. */
export async function readText({ read }: Pick<DialResponse, "read">, most: number): Promise<string | undefined> {
  let text = "";
  const decoder = new TextDecoder();
  for (let chunk = await read(); chunk; chunk = await read()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > most) return undefined;
  }
  return text;
}
