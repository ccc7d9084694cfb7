// The engine's side of a child process: runs one adapter with one model for the server at the other end of the pipes.
import { AdapterError } from "../adapter.ts";
import type { EmbedEvent } from "../embedding.ts";
import { createMessageReader } from "../shared/json-lines.ts";
import { toWireError } from "../shared/wire-error.ts";
import type { TokenAdapter, TokenEngine } from "../token-engine.ts";
import { encodeVector } from "../shared/embeddings/vector.ts";
import { createOutbox } from "./outbox.ts";
import type { ChildCall, ChildEvent, LoadedEngine, ToChild } from "./protocol.ts";

// Enough for a prompt of 10 MiB with each character written as an escape.
const LONGEST_LINE = 64 * 1024 * 1024;

/** Settles when the server closes the pipe, which its death does too, and the engine has closed. */
export async function hostEngine(
  adapter: TokenAdapter,
  input: NodeJS.ReadableStream,
  write: (line: string) => void,
): Promise<void> {
  const outbox = createOutbox(write);
  const { send } = outbox;
  const calls = new Map<number, AbortController>();
  const stopLoading = new AbortController();
  let loading: Promise<TokenEngine> | undefined;

  const receive = (message: ToChild): void => {
    if (message.type === "load") {
      const onProgress = (): void => send({ type: "loading" });
      loading ??= adapter.load(message.model, { ...message.options, onProgress }, stopLoading.signal);
      loading.then(
        (engine) => send({ type: "loaded", ...describeEngine(engine) }),
        (error) => send({ type: "load_failed", error: toWireError(error) }),
      );
    } else if (message.type !== "abort") void run(message);
    else calls.get(message.id)?.abort(new AdapterError("engine_unavailable", "The generation was stopped."));
  };

  async function run({ id, ...call }: { id: number } & ChildCall): Promise<void> {
    const stop = new AbortController();
    calls.set(id, stop);
    const tell = outbox.call(id);
    try {
      for await (const event of eventsOf(await loading!, call, stop.signal)) tell(event);
    } catch (error) {
      if (!stop.signal.aborted) send({ type: "error", id, error: toWireError(error) });
    } finally {
      calls.delete(id);
    }
  }

  const read = createMessageReader<ToChild>(receive, LONGEST_LINE);
  input.setEncoding("utf8");
  for await (const text of input) read(text as string);
  stopLoading.abort(new Error("The server has gone."));
  const engine = await loading?.catch(() => undefined);
  await engine?.close();
}

const CALLS = ["score", "embed", "rank"] as const;

function describeEngine(engine: TokenEngine): LoadedEngine {
  const { slots, context_length, longest_input } = engine;
  const calls = CALLS.filter((call) => engine[call] !== undefined);
  return { slots, context_length, calls, ...(longest_input !== undefined && { longest_input }) };
}

function eventsOf(engine: TokenEngine, call: ChildCall, signal: AbortSignal): AsyncIterable<ChildEvent> {
  if (call.type === "generate") {
    return "scores" in call.request ? engine.score!(call.request, signal) : engine.generate(call.request, signal);
  }
  return call.type === "rank" ? engine.rank!(call.request, signal) : encodedVectors(engine.embed!(call.request, signal));
}

async function* encodedVectors(events: AsyncIterable<EmbedEvent>): AsyncGenerator<ChildEvent> {
  for await (const event of events) yield event.type === "embedding" ? { ...event, vector: encodeVector(event.vector) } : event;
}
