// A program that has ingle as a dependency: without a socket, behind its runtime's own one, and after a restart.
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { env } from "node:process";
import { ConfigError, LockedError, openIngle, type Ingle, type IngleOptions } from "ingle";
import OpenAI from "openai";
import { toNodeHandler } from "srvx/node";

const lines: string[] = [];
const options: IngleOptions = { data: env.DATA!, adapter: "echo", log: (line) => void lines.push(line) };

const json = (method: string, body: object, headers: Record<string, string> = {}): RequestInit => ({
  method,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
});
const says = (content: string) => ({ model: "echo", messages: [{ role: "user", content }] });

const ingle = await openIngle(options);
assert.match(ingle.guarantee, /survives a crash and a power cut/);
await chats((path, init) => ingle.fetch(new Request(`http://localhost${path}`, init)));
const client = new OpenAI({
  fetch: (url, init) => ingle.fetch(new Request(url, init)),
  baseURL: "http://localhost/v1",
  apiKey: "none",
});
assert.equal((await client.models.list()).data[0]?.id, "echo");
const thread = await writes(ingle);
await refuses(ingle);
await assert.rejects(openIngle(options), LockedError);
await assert.rejects(openIngle({ ...options, slots: 0 }), (error: Error) => {
  return error instanceof ConfigError && error.message.startsWith('"slots" is 0.');
});

const { port, stop } = await listen(ingle.fetch);
await chats((path, init) => fetch(`http://127.0.0.1:${port}${path}`, init));
await stop();
await ingle.close();
await ingle.close();

const again = await openIngle({ ...options, no_init: true });
const kept = await again.fetch(new Request(`http://localhost/v1/threads/${thread}/messages`));
const { data } = (await kept.json()) as { data: { content: { text: { value: string } }[] }[] };
assert.equal(data[0]?.content[0]?.text.value, "good morning");
await again.close();
// Nothing is left that would keep the program. Only Node tells.
assert.deepEqual(process.getActiveResourcesInfo?.().filter((name) => name === "Timeout") ?? [], []);
assert.deepEqual(
  lines.filter((line) => line.includes('"level":"error"')),
  [],
);
console.log("embedded");
// What Bun's fetch and Deno's pool keep open would hold the program for a while.
process.exit(0);

async function chats(ask: (path: string, init?: RequestInit) => Promise<Response>): Promise<void> {
  const whole = await ask("/v1/chat/completions", json("POST", says("good evening 🌍")));
  const { choices } = (await whole.json()) as { choices: { message: { content: string } }[] };
  assert.equal(choices[0]?.message.content, "good evening 🌍");
  const stream = await ask("/v1/chat/completions", json("POST", { ...says("one two"), stream: true }));
  assert.equal(stream.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.match(await stream.text(), /"content":"one"[^]*"content":" two"[^]*data: \[DONE\]\n\n$/);
}

async function writes({ fetch }: Ingle): Promise<string> {
  const body = { messages: [{ role: "user", content: "good morning" }] };
  const answer = await fetch(new Request("http://localhost/v1/threads", json("POST", body)));
  assert.ok(answer.ok, `${answer.status}`);
  return ((await answer.json()) as { id: string }).id;
}

/** What protects the server from web pages protects it here too. */
async function refuses({ fetch }: Ingle): Promise<void> {
  const elsewhere = json("POST", says("x"), { host: "rebound.example" });
  assert.equal((await fetch(new Request("http://localhost/v1/chat/completions", elsewhere))).status, 403);
  assert.equal((await fetch(new Request("http://rebound.example/v1/models"))).status, 403);
  const taken = new Request("http://localhost/v1/chat/completions", json("POST", says("x")));
  await taken.text();
  assert.equal((await fetch(taken)).status, 400);
  const page = json("POST", says("x"), { origin: "https://page.example" });
  assert.equal((await fetch(new Request("http://localhost/v1/chat/completions", page))).status, 403);
}

interface Listening {
  port: number;
  stop(): unknown;
}

// Their types exclude each other, so that no program can have all of them.
interface Runtimes {
  Bun?: { serve(options: { port: number; fetch: Ingle["fetch"] }): { port: number; stop(hard: boolean): unknown } };
  Deno?: {
    serve(options: { port: number; onListen(): void }, fetch: Ingle["fetch"]): { addr: { port: number }; shutdown(): unknown };
  };
}

/** A socket of the runtime's own, as programs have one already. */
async function listen(fetch: Ingle["fetch"]): Promise<Listening> {
  const { Bun, Deno } = globalThis as Runtimes;
  if (Bun !== undefined) {
    const server = Bun.serve({ port: 0, fetch });
    return { port: server.port, stop: () => server.stop(true) };
  }
  if (Deno !== undefined) {
    const server = Deno.serve({ port: 0, onListen: () => {} }, fetch);
    return { port: server.addr.port, stop: () => server.shutdown() };
  }
  const server = createServer(toNodeHandler(fetch) as RequestListener);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}
