// Requests to the server on its loopback port. node:http, as fetch gives up after five minutes of silence on some runtimes, and a
// turn that waits for its batch may be silent for longer.
import { type IncomingMessage, request } from "node:http";

export interface Client {
  /** Resolves with the head of the answer; the signal ends its body too. Throws what the socket throws. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage>;
  /** The answer as JSON. Throws where it is none or its status is not 200. */
  getJson(path: string, signal: AbortSignal): Promise<unknown>;
  postJson(path: string, body: unknown, signal: AbortSignal): Promise<unknown>;
}

export function clientOf(address: string, key: string): Client {
  const call = (method: string, path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage> => {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const sent = request(new URL(path, address), { method, headers, agent: false }, resolve);
    // Closing the connection is what frees the slot.
    const onAbort = (): void => void sent.destroy(new Error("Stopped."));
    signal.addEventListener("abort", onAbort, { once: true });
    sent.on("error", reject).on("close", () => {
      signal.removeEventListener("abort", onAbort);
      reject(new Error("The connection was closed before an answer came."));
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  };
  return {
    post: (path, body, signal) => call("POST", path, body, signal),
    getJson: async (path, signal) => jsonOf(await call("GET", path, undefined, signal)),
    postJson: async (path, body, signal) => jsonOf(await call("POST", path, body, signal)),
  };
}

async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  if (answer.statusCode !== 200) throw new Error(`The engine answers with status ${answer.statusCode}.`);
  return JSON.parse(Buffer.concat(chunks).toString());
}
