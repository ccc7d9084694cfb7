// One turn: asked of a server, and of further ones as long as the client has seen nothing of an answer.
import type { ChatEvent, ChatRequest } from "../adapter.ts";
import { answerEvents, BrokenAnswer, wholeAnswerEvents } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import { type Talk, talkOf } from "./affinity.ts";
import { bodyOf } from "./request-body.ts";
import { type Asked, failureOf, refusalOf, type ServerFailure } from "./errors.ts";
import type { Fleet, Server } from "./server-pool.ts";
import { ask } from "./http-request.ts";
import type { Line } from "./upstream-config.ts";

/** Servers that may fail over one request: what kills the first two is not handed on. */
const MOST_BROKEN = 2;

/** One turn, at the first server that begins it. Throws `AdapterError` and the signal's reason. */
export async function* turn(line: Line, fleet: Fleet, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  signal.throwIfAborted();
  const talk = talkOf(request.messages);
  const fields = bodyOf(request, line.model);
  const body = JSON.stringify(fields);
  const failures = new Map<Server, ServerFailure>();
  for (;;) {
    const server = await next(fleet, talk, failures, signal);
    const asked = { ...line.asked(server), fields: Object.keys(fields) };
    let begun = false;
    try {
      for await (const event of answerOf(line, server, asked, body, signal)) {
        if (!begun) fleet.answered(server, talk);
        begun = true;
        yield event;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOf(asked, error);
      fleet.failed(server, failure);
      if (begun || failure.verdict === "request") throw failure;
      failures.set(server, failure);
    } finally {
      fleet.leave(server);
    }
  }
}

/** The server for the next try. Throws the failure that the client is to hear of when no further one may be asked. */
async function next(fleet: Fleet, talk: Talk, failures: Map<Server, ServerFailure>, signal: AbortSignal): Promise<Server> {
  const all = [...failures.values()];
  const broken = all.filter(({ verdict }) => verdict === "broken").length;
  // Who was only declined may as well ask those that are set aside: one of them may be back.
  const anyone = all.every(({ verdict }) => verdict === "declined");
  const server = broken < MOST_BROKEN ? await fleet.take(talk, new Set(failures.keys()), anyone, signal) : undefined;
  if (server !== undefined) return server;
  // One that is busy is worth another try, whatever became of the others.
  throw all.find(({ verdict }) => verdict === "busy") ?? all.at(-1)!;
}

async function* answerOf(
  { key, limits }: Line,
  server: Server,
  asked: Asked,
  body: string,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const answer = await ask({ url: `${server.url}/chat/completions`, body, key, limits, signal });
  try {
    const { status, headers } = answer;
    if (status !== 200) throw refusalOf(asked, status, headers, await readErrorBody(answer));
    const type = headers["content-type"] ?? "";
    if (/^text\/event-stream\b/i.test(type)) yield* answerEvents(answer.body);
    else if (/^application\/json\b/i.test(type)) yield* wholeAnswerEvents(answer.body);
    else
      throw new BrokenAnswer(
        `It is ${type === "" ? "of no type" : JSON.stringify(type.slice(0, 100))} instead of an event stream.`,
      );
  } finally {
    answer.close();
  }
}
