// Requests to llama-server on its loopback port, through node:http: on some runtimes `fetch` gives up after five minutes of silence, and
// a request whose prompt waits for its batch may be silent for longer.
import { addAbortListener } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { httpAgent } from "../../models/network/direct-agents.ts";
import { FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import { toWellFormedJson } from "./well-formed-json.ts";

export type LlamaServerClient = ReturnType<typeof createClient>;

export function createClient(address: string, key: string) {
  const send = (method: string, path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage> => {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const sent = request(new URL(path, address), { method, headers, agent: httpAgent }, resolve);
    // Closing the connection is what frees the slot.
    const listener = addAbortListener(signal, () => sent.destroy(new Error("Stopped.")));
    sent.on("error", reject).on("close", () => {
      listener[Symbol.dispose]();
      reject(new Error("The connection was closed before an answer came."));
    });
    sent.end(body === undefined ? undefined : toWellFormedJson(body));
    return promise;
  };
  return {
    /** Resolves with the head of the response; the signal ends its body too. Throws what the socket throws. */
    post: (path: string, body: unknown, signal: AbortSignal) => send("POST", path, body, signal),
    getJson: async (path: string, signal: AbortSignal) => readJson(await send("GET", path, undefined, signal)),
    postJson: async (path: string, body: unknown, signal: AbortSignal) => readJson(await send("POST", path, body, signal)),
  };
}

/** Throws where the body is not JSON, and `FailedAnswer` where the status is not 200. */
async function readJson(response: IncomingMessage): Promise<unknown> {
  if (response.statusCode !== 200) throw new FailedAnswer(await readErrorBody({ body: response }), response.statusCode);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}
