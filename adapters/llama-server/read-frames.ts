// The frames of a streamed answer, out of its bytes.
import { createParser } from "eventsource-parser";
import { BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import { parseErrorBody } from "../shared/openai-stream/error-body.ts";
import { type CompletionFrame, parseFrame } from "./completion-frames.ts";

/** In characters: one frame. */
const MAX_FRAME = 4 * 1024 * 1024;

/**
 * Yields the frames that came at once together. Throws `BrokenAnswer`, `FailedAnswer`, both behind the frames before, and what the body throws; leaving
 * the iteration cancels the body.
 */
export async function* readFrames(body: AsyncIterable<Uint8Array>): AsyncGenerator<CompletionFrame[], void, undefined> {
  const text = new TextDecoder();
  let frames: CompletionFrame[] = [];
  let failure: Error | undefined;
  const parser = createParser({
    maxBufferSize: MAX_FRAME,
    onEvent({ data }) {
      const frame = failure ?? frameOf(data);
      if (frame instanceof Error) failure = frame;
      else if (frame !== undefined) frames.push(frame);
    },
    onError({ message, type }) {
      if (type === "max-buffer-size-exceeded") failure ??= new BrokenAnswer(message);
    },
  });
  for await (const bytes of body) {
    parser.feed(text.decode(bytes, { stream: true }));
    const received = frames;
    frames = [];
    if (received.length > 0) yield received;
    if (failure !== undefined) throw failure;
  }
}

/** Undefined for an empty one, which llama-server sends between several answers. */
function frameOf(data: string): CompletionFrame | Error | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return new BrokenAnswer(`A part of the answer is not JSON: ${data.slice(0, 100)}`);
  }
  if (value === null) return undefined;
  const error = parseErrorBody(value);
  if (error !== undefined) return new FailedAnswer(error);
  return parseFrame(value) ?? new BrokenAnswer(`A part of the answer is no frame: ${data.slice(0, 100)}`);
}
