// Turns the streamed answer of a server with OpenAI's API into chat events.
import { createParser } from "eventsource-parser";
import * as v from "valibot";
import type { ChatEvent, ChoiceEnd, Usage } from "../../adapter.ts";
import { choiceReader } from "./choice-reader.ts";
import { AnswerChunk, onlyText, progressOf, usageOf } from "./chunk.ts";
import { readText, type ServerErrorBody, parseErrorBody } from "./error-body.ts";

/** The bytes are no answer of this API, or only the beginning of one. */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}

/** The server has sent an error, amid its answer where there is no `status`. */
export class FailedAnswer extends Error {
  override readonly name = "FailedAnswer";
  readonly body: ServerErrorBody;
  readonly status: number | undefined;

  constructor(body: ServerErrorBody, status?: number) {
    super(body.message);
    this.body = body;
    this.status = status;
  }
}

/** In characters: one event, or an answer in one piece. */
const MAX_EVENT = 4 * 1024 * 1024;

/** How a route of the API writes its answers. */
export interface AnswerForm {
  /** The text of a chunk that is a piece of text and nothing else; undefined for all others. */
  onlyText(value: unknown): string | undefined;
  /** A chunk as one of a chat, and an answer in one piece as one chunk; undefined for what is neither. */
  chunkOf(value: unknown): unknown;
  chunkOfWhole(value: unknown): unknown;
}

export interface AnswerEventsOptions {
  /** Absent: a chat's. */
  form?: AnswerForm;
  /** Strings that end the answer here, for servers that do not end it reliably. */
  stop?: readonly string[];
  /** The choices that were asked for; the `finish` has the ends of those that came. Absent: one. */
  count?: number;
}

/**
 * The events of an answer, up to its one `finish`. Throws `BrokenAnswer`, `FailedAnswer` and what the body throws; leaving the iteration cancels the
 * body.
 */
export async function* answerEvents(
  body: AsyncIterable<Uint8Array>,
  options: AnswerEventsOptions = {},
): AsyncGenerator<ChatEvent, void, undefined> {
  const answer = createAnswerReader(options);
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

/** The same for an answer in one piece, such as a `chat.completion`, which some servers send also where a stream was requested. */
export async function* wholeAnswerEvents(
  body: AsyncIterable<Uint8Array>,
  options: AnswerEventsOptions = {},
): AsyncGenerator<ChatEvent> {
  const { form = CHAT_ANSWER } = options;
  const text = await readText(body, MAX_EVENT);
  if (text.length > MAX_EVENT) throw new BrokenAnswer(`The answer is longer than ${MAX_EVENT} characters.`);
  const whole = parseJson(text);
  const chunk = chunkOf(whole, text, form.chunkOfWhole);
  if (chunk instanceof Error) throw chunk;
  const answer = createAnswerReader({ ...options, stop: [] });
  answer.addChunk(chunk);
  const finish = answer.finish();
  yield* answer.events;
  yield finish;
}

export const CHAT_ANSWER: AnswerForm = { onlyText, chunkOf: (value) => value, chunkOfWhole };

function createAnswerReader({ form = CHAT_ANSWER, stop = [], count = 1 }: AnswerEventsOptions) {
  const events: ChatEvent[] = [];
  const choices = Array.from({ length: count }, (_, index) => choiceReader(stop, events, count > 1 ? index : undefined));
  const [first] = choices;
  let usage: Usage | undefined;
  let ended = false;
  let failure: Error | undefined;

  const isDone = (): boolean => ended || choices.every(({ stopped }) => stopped);
  const addChunk = (chunk: AnswerChunk): void => {
    usage = usageOf(chunk) ?? usage;
    const progress = progressOf(chunk);
    if (progress !== undefined) events.push(progress);
    // Where one was asked for, its index is not looked at.
    if (count === 1) chunk.choices.slice(0, 1).forEach(first!.add);
    else for (const choice of chunk.choices) choices[choice.index ?? 0]?.add(choice);
  };
  const onData = (data: string): void => {
    if (isDone() || failure !== undefined) return;
    if (data === "[DONE]") return void (ended = true);
    const value = parseJson(data);
    const only = count === 1 ? form.onlyText(value) : undefined;
    if (only !== undefined) return first!.addText(only);
    const chunk = chunkOf(value, data, form.chunkOf);
    if (chunk instanceof Error) failure = chunk;
    else addChunk(chunk);
  };
  const parser = createParser({
    maxBufferSize: MAX_EVENT,
    onEvent: ({ data }) => onData(data),
    onError: ({ message, type }) => {
      if (type === "max-buffer-size-exceeded") failure ??= new BrokenAnswer(message);
    },
  });
  return {
    events,
    addChunk,
    feed: parser.feed,
    get done() {
      return isDone();
    },
    get failure() {
      return failure;
    },
    finish(): ChatEvent {
      const ends = choices.map((choice) => choice.end());
      const come = ends.findLastIndex((end) => end !== undefined) + 1;
      const all = ends.slice(0, come).filter((end): end is ChoiceEnd => end !== undefined);
      const [end, ...further] = all;
      // A choice of which there is a beginning, or a later one, is one that did not come to its end.
      if (end === undefined || all.length < come || choices.slice(come).some(({ begun }) => begun))
        throw new BrokenAnswer("The answer ended before its end.");
      // A server that sends no usage is taken at zero.
      const counted = usage ?? { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 };
      return { type: "finish", ...end, usage: counted, ...(further.length > 0 && { further }) };
    },
  };
}

/** Answers with a `BrokenAnswer` where the text is not JSON; the caller throws it when the events before were read. */
function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return new BrokenAnswer(`A part of the answer is not JSON: ${data.slice(0, 100)}`);
  }
}

function chunkOf(value: unknown, data: string, toChatChunk: (value: unknown) => unknown): AnswerChunk | Error {
  if (value instanceof Error) return value;
  const error = parseErrorBody(value);
  if (error !== undefined) return new FailedAnswer(error);
  const chunk = v.safeParse(AnswerChunk, toChatChunk(value));
  return chunk.success ? chunk.output : new BrokenAnswer(`A part of the answer is not a chunk: ${data.slice(0, 100)}`);
}

/** Undefined for what is no `chat.completion`: the schema of chunks refuses it. */
function chunkOfWhole(value: unknown): unknown {
  const whole = v.safeParse(v.looseObject({ choices: v.array(v.looseObject({ message: Message })) }), value);
  if (!whole.success) return undefined;
  const choices = whole.output.choices.map(({ message, ...choice }) => ({
    ...choice,
    delta: { ...message, tool_calls: message.tool_calls?.map((call, index) => ({ ...call, index })) },
  }));
  return { ...whole.output, choices };
}

const Message = v.looseObject({ tool_calls: v.nullish(v.array(v.looseObject({}))) });
