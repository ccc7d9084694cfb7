// One turn: the request, the events of its answer, and what its failures mean.
import type { IncomingMessage } from "node:http";
import * as v from "valibot";
import { AdapterError, type ChatEvent, type ChatRequest } from "../adapter.ts";
import { bodyBytes } from "../shared/body-bytes.ts";
import { answerEvents, BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import { bodyOf, type Limits } from "./request-body.ts";
import type { Client } from "./http-client.ts";
import { defuser, type Tokenize, Tokens } from "./escape-special-tokens.ts";
import { freed } from "./wait-for-slot.ts";
import type { Life, LifeLimits } from "./watchdog.ts";
import { fieldNamed, refusalOf } from "./errors.ts";

export interface TurnsOptions {
  id: string;
  client: Client;
  life: Life;
  model: Limits;
  limits: LifeLimits;
  /** What its messages may not hold as tokens. */
  special: ReadonlySet<string>;
}

/** `Engine.chat`, in one slot where it is named. */
export function turnsOf({ id, client, life, model, limits, special }: TurnsOptions) {
  const defused = defuser(special);
  const turns = new Set<object>();
  const gone = new AbortController();
  void life.closed.then(() => gone.abort());

  const head = async (request: ChatRequest, signal: AbortSignal, id_slot?: number): Promise<IncomingMessage> => {
    const messages = await defused(request.messages, tokenizer(client, signal));
    const body = { ...bodyOf({ ...request, messages }, model), ...(id_slot !== undefined && { id_slot }) };
    const answer = await client.post("/v1/chat/completions", body, signal);
    if (answer.statusCode !== 200) throw refusalOf(await readErrorBody({ body: answer }), answer.statusCode, id);
    if (answer.headers["content-type"]?.startsWith("text/event-stream")) return answer;
    throw new BrokenAnswer("The answer is no stream of events.");
  };

  /** What went wrong, for the client. An engine that talks nonsense is not asked again. */
  const reasonOf = async (thrown: unknown): Promise<unknown> => {
    if (thrown instanceof AdapterError) return thrown;
    if (thrown instanceof FailedAnswer) return refusalOf(thrown.body, undefined, id);
    // The connection breaks a moment before the end of the process is known.
    await Promise.race([life.closed, new Promise((done) => setTimeout(done, END_KNOWN_MS))]);
    const what = thrown instanceof BrokenAnswer ? "spoke nonsense" : "broke off the connection";
    life.kill(new AdapterError("engine_crashed", `The engine of model "${id}" ${what} and was stopped. Ask again.`));
    return life.reason;
  };

  const watchSlot = async (): Promise<void> => {
    if (life.reason !== undefined) return;
    const isFree = await freed(client, () => turns, limits.cancel, gone.signal).catch(() => true);
    if (isFree) return;
    const message = `The engine of model "${id}" went on with a turn that was given up, and was stopped.`;
    life.kill(new AdapterError("engine_crashed", message));
  };

  return async function* chat(request: ChatRequest, signal: AbortSignal, id_slot?: number): AsyncGenerator<ChatEvent> {
    signal.throwIfAborted();
    if (life.reason !== undefined) throw life.reason;
    const turn = {};
    const stop = new AbortController();
    const onAbort = (): void => stop.abort();
    signal.addEventListener("abort", onAbort, { once: true });
    turns.add(turn);
    let finished = false;
    try {
      const events = answerEvents(bodyBytes(await life.patiently(head(request, stop.signal, id_slot))), request.stop);
      while (!finished) {
        const { value: event } = await life.patiently(events.next());
        // Events may have come in a bunch, before the end of it all.
        signal.throwIfAborted();
        if (life.reason !== undefined) throw life.reason;
        if (event === undefined) break;
        finished = event.type === "finish";
        yield trimmed(event, request);
      }
    } catch (error) {
      signal.throwIfAborted();
      throw fieldNamed(await reasonOf(error), request);
    } finally {
      signal.removeEventListener("abort", onAbort);
      turns.delete(turn);
      stop.abort();
      // A stop string ends a turn before its engine knows of it.
      if (!finished || request.stop.length > 0) void watchSlot();
    }
  };
}

const END_KNOWN_MS = 500;

function tokenizer(client: Client, signal: AbortSignal): Tokenize {
  return async (content, parse_special) => {
    const answer = await client.postJson("/tokenize", { content, parse_special, with_pieces: true }, signal);
    return v.parse(v.object({ tokens: Tokens }), answer).tokens;
  };
}

/** It was asked for one rival at least, see body.ts. */
function trimmed(event: ChatEvent, { logprobs }: ChatRequest): ChatEvent {
  if (event.type !== "text" || event.logprobs === undefined || logprobs === undefined) return event;
  return {
    ...event,
    logprobs: event.logprobs.map((token) => ({ ...token, top_logprobs: token.top_logprobs?.slice(0, logprobs.top) ?? [] })),
  };
}
