// A streamed answer of a server with OpenAI's API: bytes in, chat events out.
import { createParser } from "eventsource-parser";
import * as v from "valibot";
import type { ChatEvent, TokenLogprob, Usage } from "../adapter.ts";
import { stopFilter } from "../stop.ts";
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
 * The events of an answer, up to its one `finish`, which also one of the `stop` strings brings about: for servers that cannot be trusted
 * with them. Throws `BrokenAnswer`, `FailedAnswer` and what the body throws; whoever leaves early cancels the body.
 */
export async function* answerEvents(
  body: AsyncIterable<Uint8Array>,
  stop: readonly string[] = [],
): AsyncGenerator<ChatEvent, void, undefined> {
  const answer = reader(stop);
  const text = new TextDecoder();
  for await (const bytes of body) {
    answer.feed(text.decode(bytes, { stream: true }));
    yield* answer.events.splice(0);
    if (answer.failure !== undefined) throw answer.failure;
    if (answer.done) break;
  }
  const finish = answer.finish();
  yield* answer.events.splice(0);
  yield finish;
}

function reader(stop: readonly string[]) {
  const events: ChatEvent[] = [];
  const shown = textShown(stop);
  let reason: ReturnType<typeof reasonOf>;
  let usage: Usage | undefined;
  let done = false;
  let failure: Error | undefined;

  const take = (data: string): void => {
    if (done || failure !== undefined) return;
    if (data === "[DONE]") return void (done = true);
    const chunk = parse(data);
    if (chunk instanceof Error) return void (failure = chunk);
    reason ??= reasonOf(chunk);
    usage = usageOf(chunk) ?? usage;
    for (const event of eventsOf(chunk)) {
      if (event.type !== "text") events.push(event);
      else if (shown.push(event, events)) return void ([reason, done] = ["stop", true]);
    }
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
      shown.rest(events);
      // Whoever counts nothing is not charged for anything.
      return { type: "finish", reason, usage: usage ?? { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 } };
    },
  };
}

/** Text that may be shown, with the probabilities of its tokens: those of a stop string are none of the answer's. */
function textShown(stop: readonly string[]) {
  const stops = stopFilter(stop);
  /** Where in the text each token ends. */
  const held: { end: number; logprob: TokenLogprob }[] = [];
  let read = 0;
  let told = 0;

  const tell = (text: string, events: ChatEvent[]): void => {
    told += text.length;
    const logprobs: TokenLogprob[] = [];
    while (held.length > 0 && held[0]!.end <= told) logprobs.push(held.shift()!.logprob);
    if (text !== "" || logprobs.length > 0) events.push({ type: "text", text, ...(logprobs.length > 0 && { logprobs }) });
  };
  return {
    /** Whether a stop string has come. */
    push({ text, logprobs = [] }: Extract<ChatEvent, { type: "text" }>, events: ChatEvent[]): boolean {
      read += text.length;
      held.push(...logprobs.map((logprob) => ({ end: read, logprob })));
      const safe = stops.push(text);
      tell(safe.text, events);
      return safe.stopped;
    },
    rest: (events: ChatEvent[]): void => tell(stops.rest(), events),
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
