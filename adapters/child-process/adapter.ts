// Runs any adapter of token engines in a process of its own and is itself one: a damaged model file, a hostile chat template or a bug in
// native code costs the requests of one engine, never the server.
import { spawn, type ChildProcess } from "node:child_process";
import { addAbortListener } from "node:events";
import type { InstalledModel } from "../../models/manifest.ts";
import { writesText } from "../../models/tasks.ts";
import { AdapterError } from "../adapter.ts";
import type { EmbedEvent, RerankEvent } from "../embedding.ts";
import type { ScoringEvent, ScoringRequest, TokenAdapter, TokenEngine, TokenEvent, TokenRequest } from "../token-engine.ts";
import { channel, type Channel } from "../shared/channel.ts";
import { loadFailure } from "../shared/load-failure.ts";
import { childEnvironment, exitReason, forEachLine, onEnd } from "../shared/subprocess.ts";
import { LONG_TEXT_MS, watchProcess, type WatchdogLimits, type WatchdogOptions } from "../shared/watchdog.ts";
import { createMessageReader, encodeMessage } from "../shared/json-lines.ts";
import { fromWireError } from "../shared/wire-error.ts";
import { decodeVector } from "../shared/embeddings/vector.ts";
import {
  type ChildCall,
  type ChildEvent,
  CLOSE_MS,
  type FromChild,
  type LoadedEngine,
  type ToChild,
  type WireEmbedEvent,
} from "./protocol.ts";

export interface ChildProcessOptions {
  /** The name of the adapter inside. */
  name: string;
  /** The program and its arguments: something that ends in `hostEngine`. */
  command: () => { program: string; args: string[]; env?: Record<string, string> };
  /** The whole environment of the server; the child gets what `childEnvironment` lets through. */
  env: Record<string, string | undefined>;
  /** Takes each line of the child's standard error. */
  log?: (line: string) => void;
  limits?: Partial<WatchdogLimits> | undefined;
}

const LIMITS: WatchdogLimits = { load: 300_000, generation: 60_000, close: CLOSE_MS };

const LONGEST_LINE = 1024 * 1024;
const MOST_LINES = 20;

export function childProcess({ name, command, env, log = () => {}, limits }: ChildProcessOptions): TokenAdapter {
  return {
    name,
    async load(model, options, signal) {
      signal.throwIfAborted();
      const { program, args, env: extra } = command();
      const child = spawn(program, args, {
        env: { ...childEnvironment(env), ...extra },
        stdio: ["pipe", "pipe", "pipe"],
        windowsHide: true,
      });
      const silence = writesText(model) ? {} : { generation: LONG_TEXT_MS };
      const watch = { limits: { ...LIMITS, ...silence, ...limits }, memory: options.memory };
      const { send, loaded, run, watchdog } = connect(child, model, watch, log);
      send({ type: "load", model, options });
      const { calls, slots, context_length, longest_input } = await watchdog.load(loaded, signal);
      return {
        ...{ slots, context_length, closed: watchdog.closed, close: () => watchdog.close() },
        ...(longest_input !== undefined && { longest_input }),
        ...callsOf(run, calls),
      };
    },
  };
}

/** Exchanges messages with a child that was just started. */
function connect(
  child: ChildProcess,
  { id, path }: InstalledModel,
  watch: Pick<WatchdogOptions, "limits" | "memory">,
  log: (line: string) => void,
) {
  const loaded = Promise.withResolvers<LoadedEngine>();
  const calls = new Map<number, Channel<ChildEvent>>();
  let next_id = 0;

  const watchdog = watchProcess({
    id,
    ...watch,
    pid: child.pid,
    terminate: () => child.stdin!.end(),
    kill: () => child.kill("SIGKILL"),
  });
  const receive = (message: FromChild): void => {
    watchdog.touch();
    if (message.type === "loaded") loaded.resolve(message);
    else if (message.type === "load_failed") loaded.reject(fromWireError(message.error));
    else if (message.type === "event") calls.get(message.id)?.push(message.event);
    else if (message.type === "error") calls.get(message.id)?.fail(fromWireError(message.error));
  };
  const send = (message: ToChild): void => {
    if (child.stdin!.writable) child.stdin!.write(encodeMessage(message));
  };
  const end = (how: string, failure?: AdapterError): void => {
    watchdog.exited(how, failure);
    for (const call of calls.values()) call.fail(watchdog.reason);
  };

  const read = createMessageReader(receive, LONGEST_LINE);
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    try {
      read(text);
    } catch (error) {
      log(`The engine sent a line that is not a message: ${(error as Error).message}`);
      watchdog.kill(new AdapterError("engine_crashed", `The engine of model "${id}" spoke nonsense and was stopped.`));
    }
  });
  /** What it has printed during the load. */
  const lines: string[] = [];
  forEachLine(child.stderr!, (line) => {
    if (!watchdog.loaded && lines.length < MOST_LINES) lines.push(line);
    log(line);
  });
  // Writing to a child that has ended is no error of its own: `exit` follows.
  child.stdin!.on("error", () => {});
  child.on("error", ({ message }) => {
    const public_message = `The engine of model "${id}" cannot be started. The server's log says why.`;
    const failure = `The engine of model "${id}" cannot be started (${message}).`;
    end(message, new AdapterError("engine_unavailable", failure, { public_message }));
  });
  onEnd(child, (code, signal) => {
    const how = exitReason(code, signal);
    end(how, loadFailure({ id, path, lines, otherwise: `the engine ended with ${how} while reading it` }));
  });

  /** The events of a call, of which so many are a `finish`. */
  const run: RunCall = async function* (call, finishes, signal) {
    signal.throwIfAborted();
    if (watchdog.reason !== undefined) throw watchdog.reason;
    const events = channel<ChildEvent>();
    const id = next_id++;
    const listener = addAbortListener(signal, () => events.fail(signal.reason));
    calls.set(id, events);
    let unfinished = finishes;
    try {
      send({ id, ...call });
      while (unfinished > 0) {
        watchdog.beginWait();
        let event: ChildEvent;
        try {
          event = await events.take();
        } finally {
          watchdog.endWait();
        }
        if (event.type === "finish") unfinished--;
        yield event;
      }
    } finally {
      calls.delete(id);
      listener[Symbol.dispose]();
      if (unfinished > 0) send({ type: "abort", id });
    }
  };
  return { send, loaded: loaded.promise, run, watchdog };
}

type RunCall = (call: ChildCall, finishes: number, signal: AbortSignal) => AsyncGenerator<ChildEvent>;

/** The events of each call are those that the child sends for it. */
function callsOf(run: RunCall, calls: LoadedEngine["calls"]): Pick<TokenEngine, "generate" | "score" | "embed" | "rank"> {
  const generate = (request: TokenRequest | ScoringRequest, signal: AbortSignal): AsyncGenerator<ChildEvent> =>
    run({ type: "generate", request }, request.choices ?? 1, signal);
  return {
    // Scores come where they are asked for alone.
    generate: (request, signal) => generate(request, signal) as AsyncGenerator<TokenEvent>,
    ...(calls.includes("score") && { score: (request, signal) => generate(request, signal) as AsyncGenerator<ScoringEvent> }),
    ...(calls.includes("embed") && {
      embed: (request, signal) => decodedVectors(run({ type: "embed", request }, 1, signal)),
    }),
    ...(calls.includes("rank") && {
      rank: (request, signal) => run({ type: "rank", request }, 1, signal) as AsyncGenerator<RerankEvent>,
    }),
  };
}

async function* decodedVectors(events: AsyncGenerator<ChildEvent>): AsyncGenerator<EmbedEvent> {
  for await (const event of events as AsyncGenerator<WireEmbedEvent>)
    yield event.type === "embedding" ? { ...event, vector: decodeVector(event.vector) } : event;
}
