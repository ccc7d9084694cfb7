// A program that serves a function of its own: prints what serving has changed in it, and what one `Response` is that was answered twice.
// Deno sets globals of its own with the first of Node's modules, and one whenever it starts on them.
await import("node:http");
await import("node:worker_threads");

const before = Object.getOwnPropertyDescriptors(globalThis);
const { serve } = await import("../../src/index.ts");
const answer = new Response("hello");
const server = await serve(() => answer, { host: "127.0.0.1", port: 0 });
const after: Record<string, PropertyDescriptor> = Object.getOwnPropertyDescriptors(globalThis);
const changed = Object.entries(before)
  .filter(([name, { value }]) => !Object.is(after[name]?.value, value))
  .map(([name]) => name);
const added = Object.keys(after).filter((name) => !(name in before) && name !== "nodeBootstrap");
const first = await fetch(server.url).then((res) => res.text());
const second = await fetch(server.url).then(
  async (res) => [res.status, await res.text()],
  () => "cut",
);
console.log(JSON.stringify({ changed, added, first, second }));
await server.close(0);
process.exit(0);
