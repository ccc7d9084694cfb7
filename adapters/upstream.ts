// A model that other servers with OpenAI's API run: vLLM, llama-server, another ingle. A turn goes to one of them; one that fails before
// the client has seen anything is asked of another.
import { AdapterError, CAPABILITIES, type Adapter, type ChatEvent, type ChatRequest, type Engine } from "./adapter.ts";
import { answerEvents, BrokenAnswer, wholeAnswerEvents } from "./openai/answer.ts";
import { toldIn } from "./openai/told.ts";
import type { InstalledModel, Upstream } from "../models/model.ts";
import { talkOf } from "./upstream/affinity.ts";
import { bodyOf } from "./upstream/body.ts";
import { type Asked, failureOf, refusalOf, type ServerFailure } from "./upstream/failure.ts";
import { createFleet, type Fleet, type Server } from "./upstream/fleet.ts";
import { ask, type Limits } from "./upstream/http.ts";
import { contextThere, nobody } from "./upstream/models.ts";

export interface UpstreamOptions {
  /** Holds the keys. */
  env: Record<string, string | undefined>;
  /** A server was set aside, or is back. */
  log?: (line: string) => void;
  limits?: Partial<typeof LIMITS>;
}

/** In ms. `rests`: how long a server is left alone after its first failure in a row, its second and so on. */
const LIMITS: Limits & { rests: number[] } = {
  connect_ms: 10_000,
  first_ms: 300_000,
  amid_ms: 120_000,
  rests: [1_000, 2_000, 5_000, 10_000, 30_000],
};

const SLOTS = 16;

/** In seconds: after a load for which no server was there. */
const RETRY_AFTER = 5;

/** Servers that may fail over one request: what kills the first two is not handed on. */
const MOST_BROKEN = 2;

/** Turns at a time of a model that others run; undefined for one that has files here. */
export function slotsOfUpstream({ upstream }: Pick<InstalledModel, "upstream">): number | undefined {
  return upstream && (upstream.slots ?? SLOTS) * upstream.urls.length;
}

export function upstream({ env, log = () => {}, limits }: UpstreamOptions): Adapter {
  const all = { ...LIMITS, ...limits };
  return {
    name: "upstream",
    // What a server there cannot do it says itself, and the client is told so.
    capabilities: () => CAPABILITIES,
    async load(model, { context }, signal) {
      signal.throwIfAborted();
      const line = lineTo(model, env, all);
      const closing = new AbortController();
      const contexts = new Map<Server, number>();
      const fleet = createFleet({
        urls: line.urls,
        slots: line.slots,
        rests: all.rests,
        log: (text) => log(`model "${model.id}": ${text}`),
        async probe(server) {
          const found = await contextThere(line.asked(server), server.url, line.key, all, closing.signal);
          if (found !== undefined) contexts.set(server, found);
        },
      });
      await opened(fleet, signal, closing);
      return engineOf(line, fleet, closing, () => Math.min(...contexts.values(), contexts.size > 0 ? Infinity : context));
    },
  };
}

/** What every request to these servers has in common. */
interface Line extends Required<Pick<Upstream, "urls" | "model" | "slots">> {
  key: string | undefined;
  limits: Limits;
  asked(server: Server): Asked;
}

/** Throws `AdapterError` `engine_unavailable` where the key is missing on this machine. */
function lineTo({ id, upstream }: InstalledModel, env: UpstreamOptions["env"], limits: Limits): Line {
  if (upstream === undefined) throw new AdapterError("model_load_failed", `Model "${id}" names no server that runs it.`);
  const { urls, model = id, slots = SLOTS, key_env } = upstream;
  return {
    ...{ urls, model, slots, limits },
    key: key_env === undefined ? undefined : keyOf(key_env, env),
    asked: ({ host }) => ({ host, model, key_env }),
  };
}

function keyOf(name: string, env: UpstreamOptions["env"]): string {
  const key = env[name]?.trim() ?? "";
  if (key === "")
    throw new AdapterError(
      "engine_unavailable",
      `The environment variable ${name} is to hold the key of the servers, and is not set.`,
    );
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new AdapterError("engine_unavailable", `The key in ${name} holds a character that no header can carry.`);
}

/** Throws `AdapterError` where no server is there, and the signal's reason. */
async function opened(fleet: Fleet, signal: AbortSignal, closing: AbortController): Promise<void> {
  const onAbort = (): void => {
    fleet.close();
    closing.abort(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await fleet.open();
  } catch (error) {
    fleet.close();
    closing.abort();
    signal.throwIfAborted();
    throw nobody((error as AggregateError).errors as ServerFailure[], RETRY_AFTER);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function engineOf(line: Line, fleet: Fleet, closing: AbortController, context: () => number): Engine {
  const closed = Promise.withResolvers<undefined>();
  return {
    slots: line.slots * line.urls.length,
    get context_length() {
      return context();
    },
    closed: closed.promise,
    chat: (request, signal) => turn(line, fleet, request, AbortSignal.any([signal, closing.signal])),
    async close() {
      fleet.close();
      closing.abort(new AdapterError("engine_unavailable", "The engine was stopped."));
      closed.resolve(undefined);
    },
  };
}

async function* turn(line: Line, fleet: Fleet, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  signal.throwIfAborted();
  const talk = talkOf(request.messages);
  const body = JSON.stringify(bodyOf(request, line.model));
  const failures = new Map<Server, ServerFailure>();
  for (;;) {
    const server = await next(fleet, talk, failures, signal);
    let begun = false;
    try {
      for await (const event of answerOf(line, server, body, signal)) {
        if (!begun) fleet.answered(server, talk);
        begun = true;
        yield event;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOf(line.asked(server), error);
      fleet.failed(server, failure);
      if (begun || failure.verdict === "request") throw failure;
      failures.set(server, failure);
    } finally {
      fleet.leave(server);
    }
  }
}

/** The server for the next try. Throws the failure that the client is to hear of when no further one may be asked. */
async function next(
  fleet: Fleet,
  talk: ReturnType<typeof talkOf>,
  failures: Map<Server, ServerFailure>,
  signal: AbortSignal,
): Promise<Server> {
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
  { key, limits, asked }: Line,
  server: Server,
  body: string,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const answer = await ask({ url: `${server.url}/chat/completions`, body, key, limits, signal });
  try {
    const { status, headers } = answer;
    if (status !== 200) throw refusalOf(asked(server), status, headers, await toldIn(answer));
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
