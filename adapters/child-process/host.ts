// The engine's side of child.ts: runs one adapter with one model for the server at the other end of the pipes.
import { AdapterError, type Adapter, type Engine } from "../adapter.ts";
import { encode, lineReader, toWire, type FromChild, type ToChild } from "./protocol.ts";

// A prompt of 10 MiB, each of its characters written as an escape.
const LONGEST_LINE = 64 * 1024 * 1024;

/** Settles when the server closes the pipe, which it also does by dying; then no turn runs any more. */
export async function hostEngine(adapter: Adapter, input: NodeJS.ReadableStream, write: (line: string) => void): Promise<void> {
  const say = inBunches(write);
  const turns = new Map<number, AbortController>();
  const stopLoading = new AbortController();
  let loading: Promise<Engine> | undefined;

  const receive = (message: ToChild): void => {
    if (message.type === "load") {
      const onProgress = (): void => say({ type: "loading" });
      loading ??= adapter.load(message.model, { ...message.options, onProgress }, stopLoading.signal);
      loading.then(
        ({ slots, context_length }) => say({ type: "loaded", slots, context_length }),
        (error) => say({ type: "load_failed", error: toWire(error) }),
      );
    } else if (message.type === "chat") void chat(message);
    else turns.get(message.id)?.abort(new AdapterError("engine_unavailable", "The turn was stopped."));
  };

  async function chat({ id, request }: Extract<ToChild, { type: "chat" }>): Promise<void> {
    const stop = new AbortController();
    turns.set(id, stop);
    try {
      const engine = await loading!;
      for await (const event of engine.chat(request, stop.signal)) say({ type: "event", id, event });
    } catch (error) {
      if (!stop.signal.aborted) say({ type: "error", id, error: toWire(error) });
    } finally {
      turns.delete(id);
    }
  }

  const read = lineReader<ToChild>(receive, LONGEST_LINE);
  input.setEncoding("utf8");
  for await (const text of input) read(text as string);
  stopLoading.abort(new Error("The server has gone."));
  const engine = await loading?.catch(() => undefined);
  await engine?.close();
}

/** What all turns say in one step of the engine goes out in one write: the reader wakes up once. */
function inBunches(write: (lines: string) => void): (message: FromChild) => void {
  let lines = "";
  return (message) => {
    if (lines === "") {
      setImmediate(() => {
        const all = lines;
        lines = "";
        write(all);
      });
    }
    lines += encode(message);
  };
}
