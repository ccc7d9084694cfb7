// A streamed answer of a server with OpenAI's API: bytes in, chat events out.
import { createParser } from "eventsource-parser";
import * as v from "valibot";
import type { ChatEvent, Usage } from "../adapter.ts";
import { Chunk, eventsOf, reasonOf, usageOf } from "./chunk.ts";
import { type Told, toldBy } from "./told.ts";

/** What came is no answer of this API, or only the beginning of one. */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}

/** The server says amid its answer that it fails. */
export class FailedAnswer extends Error {
  override readonly name = "FailedAnswer";
  readonly told: Told;

  constructor(told: Told) {
    super(told.message);
    this.told = told;
  }
}

/** Characters of one event. */
const LONGEST_EVENT = 4 * 1024 * 1024;

/**
 * The events of an answer, up to its one `finish`. Throws `BrokenAnswer`, `FailedAnswer` and what the body throws; whoever leaves early
 * cancels the body.
 */
export async function* answerEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ChatEvent> {
  const answer = reader();
  const text = new TextDecoder();
  for await (const bytes of body) {
    answer.feed(text.decode(bytes, { stream: true }));
    yield* answer.events.splice(0);
    if (answer.failure !== undefined) throw answer.failure;
    if (answer.done) break;
  }
  yield answer.finish();
}

function reader() {
  const events: ChatEvent[] = [];
  let reason: ReturnType<typeof reasonOf>;
  let usage: Usage | undefined;
  let done = false;
  let failure: Error | undefined;

  const take = (data: string): void => {
    if (done || failure !== undefined) return;
    if (data === "[DONE]") return void (done = true);
    const chunk = parse(data);
    if (chunk instanceof Error) return void (failure = chunk);
    events.push(...eventsOf(chunk));
    reason ??= reasonOf(chunk);
    usage = usageOf(chunk) ?? usage;
  };
  const parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: ({ data }) => take(data),
    onError: ({ message, type }) => {
      if (type === "max-buffer-size-exceeded") failure ??= new BrokenAnswer(message);
    },
  });
  return {
    events,
    feed: parser.feed,
    get done() {
      return done;
    },
    get failure() {
      return failure;
    },
    finish(): ChatEvent {
      if (reason === undefined) throw new BrokenAnswer("The answer ended before its end.");
      // Whoever counts nothing is not charged for anything.
      return { type: "finish", reason, usage: usage ?? { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 } };
    },
  };
}

function parse(data: string): Chunk | Error {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return new BrokenAnswer(`An event of the answer is no JSON: ${data.slice(0, 100)}`);
  }
  const told = toldBy(value);
  if (told !== undefined) return new FailedAnswer(told);
  const chunk = v.safeParse(Chunk, value);
  return chunk.success ? chunk.output : new BrokenAnswer(`An event of the answer is no chunk: ${data.slice(0, 100)}`);
}
