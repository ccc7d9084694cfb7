// Requests to a server of this machine. `fetch` would send them to the proxy of `http_proxy` on Bun and Deno, their keys with them.
import { addAbortListener } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { httpAgent } from "../../models/network/direct-agents.ts";

/** As `fetch`, over http alone: no proxy, and a redirect is an answer. Rejects with the socket's error and with the signal's reason. */
export async function requestDirectly(asked: Request): Promise<Response> {
  const { method, signal } = asked;
  const body = await asked.text();
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { ...Object.fromEntries(asked.headers), ...(body && { "content-length": String(Buffer.byteLength(body)) }) };
  const sent = request(asked.url, { method, headers, agent: httpAgent }, resolve);
  const listener = addAbortListener(signal, () => {
    reject(signal.reason);
    sent.destroy(new Error("The request was stopped."));
  });
  sent.on("error", reject).on("close", () => {
    listener[Symbol.dispose]();
    reject(new Error("The connection was closed before an answer came."));
  });
  sent.end(body);
  return toResponse(await promise);
}

function toResponse(answer: IncomingMessage): Response {
  const { statusCode: status = 0 } = answer;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers.set(name, String(value));
  const body = status === 204 || status === 304 ? null : (Readable.toWeb(answer) as unknown as ReadableStream<Uint8Array>);
  return new Response(body, { status, headers });
}
