// A streamed answer of a server with OpenAI's API: bytes in, chat events out.
import { createParser } from "eventsource-parser";
import * as v from "valibot";
import type { ChatEvent, Usage } from "../../adapter.ts";
import { Chunk, eventsOf, reasonOf, textAlone, usageOf } from "./chunk.ts";
import { releasedText } from "./released-text.ts";
import { readText, type ServerErrorBody, parseErrorBody } from "./error-body.ts";

/** What came is no answer of this API, or only the beginning of one. */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}

/** The server says amid its answer that it fails. */
export class FailedAnswer extends Error {
  override readonly name = "FailedAnswer";
  readonly told: ServerErrorBody;

  constructor(told: ServerErrorBody) {
    super(told.message);
    this.told = told;
  }
}

/** Characters of one event, and of an answer in one piece. */
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

/** The same for an answer in one piece, a `chat.completion`, which some servers send whatever they are asked. */
export async function* wholeAnswerEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ChatEvent> {
  const text = await readText(body, LONGEST_EVENT);
  if (text.length > LONGEST_EVENT) throw new BrokenAnswer(`The answer is longer than ${LONGEST_EVENT} characters.`);
  const whole = parseJson(text);
  const chunk = chunkOf(parseErrorBody(whole) ? whole : asChunk(whole), text);
  if (chunk instanceof Error) throw chunk;
  const answer = reader([]);
  answer.take(chunk);
  const finish = answer.finish();
  yield* answer.events;
  yield finish;
}

function reader(stop: readonly string[]) {
  const events: ChatEvent[] = [];
  const shown = releasedText(stop);
  let reason: ReturnType<typeof reasonOf>;
  let usage: Usage | undefined;
  let done = false;
  let failure: Error | undefined;

  const say = (event: ChatEvent): void => {
    if (event.type !== "text") events.push(event);
    else if (shown.push(event, events)) [reason, done] = ["stop", true];
  };
  const take = (chunk: Chunk): void => {
    reason ??= reasonOf(chunk);
    usage = usageOf(chunk) ?? usage;
    for (const event of eventsOf(chunk)) if (!done) say(event);
  };
  const onData = (data: string): void => {
    if (done || failure !== undefined) return;
    if (data === "[DONE]") return void (done = true);
    const value = parseJson(data);
    const text = textAlone(value);
    if (text !== undefined) return text === "" ? undefined : say({ type: "text", text });
    const chunk = chunkOf(value, data);
    if (chunk instanceof Error) failure = chunk;
    else take(chunk);
  };
  const parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: ({ data }) => onData(data),
    onError: ({ message, type }) => {
      if (type === "max-buffer-size-exceeded") failure ??= new BrokenAnswer(message);
    },
  });
  return {
    events,
    take,
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

/** `BrokenAnswer` for what is no JSON: it is thrown later. */
function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return new BrokenAnswer(`A part of the answer is no JSON: ${data.slice(0, 100)}`);
  }
}

function chunkOf(value: unknown, data: string): Chunk | Error {
  if (value instanceof Error) return value;
  const told = parseErrorBody(value);
  if (told !== undefined) return new FailedAnswer(told);
  const chunk = v.safeParse(Chunk, value);
  return chunk.success ? chunk.output : new BrokenAnswer(`A part of the answer is no chunk: ${data.slice(0, 100)}`);
}

/** What is no such answer is left for the schema to refuse. */
function asChunk(value: unknown): unknown {
  if (value instanceof Error) return value;
  const whole = v.safeParse(v.looseObject({ choices: v.array(v.looseObject({ message: Message })) }), value);
  if (!whole.success) return undefined;
  const choices = whole.output.choices.map(({ message, ...choice }) => ({
    ...choice,
    delta: { ...message, tool_calls: message.tool_calls?.map((call, index) => ({ ...call, index })) },
  }));
  return { ...whole.output, choices };
}

const Message = v.looseObject({ tool_calls: v.nullish(v.array(v.looseObject({}))) });
