// The engine's side of a child process: runs one adapter with one model for the server at the other end of the pipes.
import { AdapterError } from "../adapter.ts";
import { createMessageReader, encodeMessage } from "../shared/json-lines.ts";
import { toWireError } from "../shared/wire-error.ts";
import type { TokenAdapter, TokenEngine } from "../token-engine.ts";
import type { FromChild, ToChild } from "./protocol.ts";

// Enough for a prompt of 10 MiB with each character written as an escape.
const LONGEST_LINE = 64 * 1024 * 1024;

/** Settles when the server closes the pipe, which its death does too, and the engine has closed. */
export async function hostEngine(
  adapter: TokenAdapter,
  input: NodeJS.ReadableStream,
  write: (line: string) => void,
): Promise<void> {
  const send = inBatches(write);
  const generations = new Map<number, AbortController>();
  const stopLoading = new AbortController();
  let loading: Promise<TokenEngine> | undefined;

  const receive = (message: ToChild): void => {
    if (message.type === "load") {
      const onProgress = (): void => send({ type: "loading" });
      loading ??= adapter.load(message.model, { ...message.options, onProgress }, stopLoading.signal);
      loading.then(
        ({ slots, context_length }) => send({ type: "loaded", slots, context_length }),
        (error) => send({ type: "load_failed", error: toWireError(error) }),
      );
    } else if (message.type === "generate") void generate(message);
    else generations.get(message.id)?.abort(new AdapterError("engine_unavailable", "The generation was stopped."));
  };

  async function generate({ id, request }: Extract<ToChild, { type: "generate" }>): Promise<void> {
    const stop = new AbortController();
    generations.set(id, stop);
    try {
      const engine = await loading!;
      const events = "scores" in request ? engine.score!(request, stop.signal) : engine.generate(request, stop.signal);
      for await (const event of events) send({ type: "event", id, event });
    } catch (error) {
      if (!stop.signal.aborted) send({ type: "error", id, error: toWireError(error) });
    } finally {
      generations.delete(id);
    }
  }

  const read = createMessageReader<ToChild>(receive, LONGEST_LINE);
  input.setEncoding("utf8");
  for await (const text of input) read(text as string);
  stopLoading.abort(new Error("The server has gone."));
  const engine = await loading?.catch(() => undefined);
  await engine?.close();
}

/** Joins the messages of one step of the engine, over all generations, in one write: the reader wakes up once. */
function inBatches(write: (lines: string) => void): (message: FromChild) => void {
  let lines = "";
  return (message) => {
    if (lines === "") {
      setImmediate(() => {
        const all = lines;
        lines = "";
        write(all);
      });
    }
    lines += encodeMessage(message);
  };
}
