// Runs any adapter in a process of its own and is itself an adapter: a damaged model file, a hostile chat template or a bug in
// native code costs the requests of one engine, never the server.
import { spawn, type ChildProcess } from "node:child_process";
import { AdapterError, type Adapter, type ChatEvent, type Engine } from "../adapter.ts";
import { channel, type Channel } from "../shared/channel.ts";
import { CLOSE_MS, encode, fromWire, lineReader, type FromChild } from "./protocol.ts";
import { forEachLine, exitReason, childEnvironment } from "../shared/subprocess.ts";

export interface ChildOptions {
  /** The adapter inside, as far as it is known here. */
  inside: Pick<Adapter, "name" | "capabilities">;
  /** The program and its arguments: something that ends in `hostEngine`. */
  command: () => { program: string; args: string[]; env?: Record<string, string> };
  /** The whole environment of the server; the child gets the few variables that are on the list below. */
  env: Record<string, string | undefined>;
  /** A line of the child's standard error. */
  log?: (line: string) => void;
  limits?: Partial<typeof LIMITS>;
}

/** In milliseconds: how long a load or a running turn may go on without a sign of life, and how long a close may take. */
const LIMITS = { load: 300_000, turn: 60_000, close: CLOSE_MS };

const LONGEST_LINE = 1024 * 1024;

export function child({ inside, command, env, log = () => {}, limits }: ChildOptions): Adapter {
  return {
    ...inside,
    async load(model, options, signal) {
      signal.throwIfAborted();
      const { program, args, env: extra } = command();
      const process = spawn(program, args, {
        env: { ...childEnvironment(env), ...extra },
        stdio: ["pipe", "pipe", "pipe"],
        windowsHide: true,
      });
      const life = watch(process, model.id, { ...LIMITS, ...limits }, log);
      const onAbort = (): void => life.kill(new AdapterError("engine_unavailable", "The load was stopped."));
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        life.send({ type: "load", model, options });
        const { slots, context_length } = await life.loaded;
        return { slots, context_length, closed: life.closed, chat: life.chat, close: life.close };
      } catch (error) {
        await life.close();
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}

interface Life extends Pick<Engine, "chat" | "close" | "closed"> {
  loaded: Promise<{ slots: number; context_length: number }>;
  send(message: Parameters<typeof encode>[0]): void;
  kill(reason: AdapterError): void;
}

/** Everything between a process that was just started and its end. */
function watch(process: ChildProcess, id: string, limits: typeof LIMITS, log: (line: string) => void): Life {
  const loaded = Promise.withResolvers<{ slots: number; context_length: number }>();
  loaded.promise.catch(() => {}); // It may fail before anyone waits for it.
  const closed = Promise.withResolvers<AdapterError | undefined>();
  const turns = new Map<number, Channel<ChatEvent>>();
  let ready = false;
  let reason: AdapterError | undefined;
  let closing = false;
  let next_id = 0;
  let heard = Date.now();

  const kill = (error: AdapterError): void => {
    reason ??= error;
    process.kill("SIGKILL");
  };
  const end = (fallback: AdapterError): void => {
    const error = (reason ??= fallback);
    clearInterval(guard);
    loaded.reject(error);
    for (const turn of turns.values()) turn.fail(error);
    closed.resolve(closing ? undefined : error);
  };
  const receive = (message: FromChild): void => {
    heard = Date.now();
    if (message.type === "loading") return;
    if (message.type === "loaded") {
      ready = true;
      loaded.resolve(message);
    } else if (message.type === "load_failed") loaded.reject(fromWire(message.error));
    else if (message.type === "event") turns.get(message.id)?.push(message.event);
    else turns.get(message.id)?.fail(fromWire(message.error));
  };
  const send: Life["send"] = (message) => {
    if (process.stdin!.writable) process.stdin!.write(encode(message));
  };
  const guard = setInterval(
    () => {
      const limit = ready ? limits.turn : limits.load;
      if ((ready && turns.size === 0) || Date.now() - heard < limit) return;
      kill(new AdapterError("engine_timeout", `The engine of model "${id}" gave no sign of life for ${limit / 1000} s.`));
    },
    Math.min(1_000, limits.turn, limits.load),
  );
  guard.unref();

  const read = lineReader(receive, LONGEST_LINE);
  process.stdout!.setEncoding("utf8").on("data", (text: string) => {
    try {
      read(text);
    } catch (error) {
      log(`The engine said what is no message: ${(error as Error).message}`);
      kill(new AdapterError("engine_crashed", `The engine of model "${id}" spoke nonsense and was stopped.`));
    }
  });
  forEachLine(process.stderr!, log);
  process.stdin!.on("error", () => {}); // A pipe to a dead child: `exit` tells.
  process.on("error", (error) => {
    end(new AdapterError("engine_unavailable", `The engine of model "${id}" cannot be started (${error.message}).`));
  });
  process.on("exit", (code, signal) => {
    const how = exitReason(code, signal);
    if (ready) end(new AdapterError("engine_crashed", `The engine of model "${id}" ended with ${how}. Ask again.`));
    else
      end(
        new AdapterError("model_load_failed", `Model "${id}" cannot be loaded: the engine ended with ${how} while reading it.`),
      );
  });

  return {
    loaded: loaded.promise,
    closed: closed.promise,
    send,
    kill,
    async *chat(request, signal) {
      signal.throwIfAborted();
      if (reason !== undefined) throw reason;
      const turn = channel<ChatEvent>();
      const turn_id = next_id++;
      const onAbort = (): void => turn.fail(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      if (turns.size === 0) heard = Date.now();
      turns.set(turn_id, turn);
      let finished = false;
      try {
        send({ type: "chat", id: turn_id, request });
        while (!finished) {
          const event = await turn.take();
          finished = event.type === "finish";
          yield event;
        }
      } finally {
        turns.delete(turn_id);
        signal.removeEventListener("abort", onAbort);
        if (!finished) send({ type: "abort", id: turn_id });
      }
    },
    async close() {
      closing = true;
      process.stdin!.end();
      const timer = setTimeout(() => process.kill("SIGKILL"), limits.close);
      await closed.promise;
      clearTimeout(timer);
    },
  };
}
