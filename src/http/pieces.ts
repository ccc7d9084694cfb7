// A large body, handed over piece by piece as its reader takes it.
import { giveWay } from "./give-way.ts";

/** Bytes of a piece. After each it is seen whether the reader takes anything. */
export const PIECE = 65_536;

const encoder = new TextEncoder();

/** Small answers that others get between two pieces. */
const ANSWERS_BETWEEN = 4;

/** Settles when the next piece may be begun. */
let next_free: Promise<void> = Promise.resolve();

/** Pieces of all bodies are begun one after the other: many readers hold up others no longer than one does (`bench:pairs`, rows `p99 beside`). */
function whenFree(): Promise<void> {
  const now = next_free;
  next_free = now.then(() => giveWay(ANSWERS_BETWEEN));
  return now;
}

/** Parts of a text, made when they are asked for. */
export type Parts = AsyncGenerator<string, void, undefined>;

/** The next parts, together a piece or more; or the last ones. */
export async function gather(parts: Parts): Promise<{ text: string; over: boolean }> {
  let text = "";
  while (text.length < PIECE) {
    const next = await parts.next();
    if (next.done) return { text, over: true };
    text += next.value;
  }
  return { text, over: false };
}

/** `bytes` and what comes after them. What a part throws goes to `onError`, and breaks the stream. */
export function inPieces(
  bytes: Uint8Array<ArrayBuffer>,
  parts?: Parts,
  onError?: (thrown: unknown) => void,
): ReadableStream<Uint8Array> {
  let over = parts === undefined;
  let at = 0;
  return new ReadableStream(
    {
      async pull(controller) {
        if (at === bytes.length && !over) {
          try {
            await whenFree();
            const next = await gather(parts!);
            [bytes, over, at] = [encoder.encode(next.text), next.over, 0];
          } catch (thrown) {
            onError?.(thrown);
            controller.error(thrown);
            return;
          }
        }
        if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += PIECE)));
        at = Math.min(at, bytes.length);
        if (at === bytes.length && over) controller.close();
      },
      // A read that runs ends by itself, and nobody waits for it.
      cancel: () => void parts?.return().catch(() => {}),
    },
    // Nothing is made before it is asked for.
    { highWaterMark: 0 },
  );
}
