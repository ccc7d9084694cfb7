// Server-sent events as a client reads them; bytes that are no UTF-8 and lines that are no event throw.
import { createParser } from "eventsource-parser";

/** The data of a stream as a client sees it, its comments, and its end. */
export async function framesOf(res: Response) {
  const reader = frameReader(res);
  const data: any[] = [];
  for (let next = await reader.next(); next !== undefined; next = await reader.next()) data.push(next);
  return { data: data.filter((each) => each !== "[DONE]"), done: data.at(-1) === "[DONE]", comments: reader.comments };
}

/** Reads a stream event by event; `next` is undefined at its end, `cancel` is the client that leaves. */
export function frameReader(res: Response) {
  const reader = res.body!.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const comments: string[] = [];
  const line: any[] = [];
  const parser = createParser({
    onEvent: ({ data }) => line.push(data === "[DONE]" ? data : JSON.parse(data)),
    onComment: (comment) => comments.push(comment),
    onError: (error) => {
      throw error;
    },
  });
  return {
    comments,
    async next(): Promise<any> {
      while (line.length === 0) {
        const { value, done } = await reader.read();
        if (done) return undefined;
        parser.feed(decoder.decode(value, { stream: true }));
      }
      return line.shift();
    },
    cancel: () => reader.cancel(),
  };
}
