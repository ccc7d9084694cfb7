// Messages between two processes of ingle: one JSON object a line, over pipes.

export const encodeMessage = (message: object): string => `${JSON.stringify(message)}\n`;

/**
 * Cuts arriving text into messages. Throws `SyntaxError` at a line that is not a JSON object, and `RangeError` at a line of more
 * than `longest` characters, finished or not.
 */
export function createMessageReader<T>(onMessage: (message: T) => void, longest: number): (text: string) => void {
  // The pieces of an unfinished line are joined once, as a long one comes in hundreds of them.
  let pending: string[] = [];
  let length = 0;
  const keep = (piece: string): void => {
    length += piece.length;
    if (length > longest) throw new RangeError(`A line of more than ${longest} characters.`);
    if (piece !== "") pending.push(piece);
  };
  return (text) => {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      keep(text.slice(start, end));
      const line = pending.join("");
      pending = [];
      length = 0;
      start = end + 1;
      const message: unknown = JSON.parse(line);
      if (typeof message !== "object" || message === null) throw new SyntaxError("A line that is not an object.");
      onMessage(message as T);
    }
    keep(text.slice(start));
  };
}
