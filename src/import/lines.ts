// Bytes as lines and as text, however long or broken they are.

export interface FileLine {
  /** From 1 on. */
  number: number;
  /** Undefined for one that is longer than `LONGEST_LINE`. */
  bytes?: Buffer;
}

/** Bytes. A message with a photograph in it takes a few million. */
const LONGEST_LINE = 64 * 2 ** 20;
const NEWLINE = 10;

/** Each line is yielded as it was found: a last one without an end is one too. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<FileLine> {
  let [number, length] = [1, 0];
  let parts: Buffer[] = [];
  const add = (part: Buffer): void => {
    length += part.length;
    if (length > LONGEST_LINE) parts = [];
    else parts.push(part);
  };
  const end = (): FileLine => {
    const line = length > LONGEST_LINE ? { number } : { number, bytes: Buffer.concat(parts) };
    [number, length, parts] = [number + 1, 0, []];
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      yield end();
      from = at + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield end();
}

/** Without a byte order mark. `mended`: what was no UTF-8 has become "�". */
export function decodeLossy(bytes: Uint8Array): { text: string; mended: boolean } {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), mended: false };
  } catch {
    return { text: new TextDecoder().decode(bytes), mended: true };
  }
}
