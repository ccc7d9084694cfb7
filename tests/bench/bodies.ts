// `npm run bench:bodies`: how long large bodies keep others waiting, on every runtime. For each body the longest answer to a small GET while
// the body is read, beside the longest one before it, in milliseconds, and the status that the body got. ONLY=deno leaves one runtime.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { runtimeEnv } from "../../src/launch/runtimes.mjs";
import { runtimes, type Runtime } from "../support/runtimes.ts";
import { get, load } from "./load.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MIB = 2 ** 20;
const CHAT = "/v1/chat/completions";

const many = (count: number, value: string): string => Array.from({ length: count }, () => value).join(",");
const numbered = (count: number, value: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => value(i)).join(",");
const message = (content: string): string => `{"role":"user","content":${JSON.stringify(content)}}`;
const fitting = (bytes: number, value: string): number => Math.min(499_000, Math.floor((bytes - 100) / (value.length + 1)));

/** Name to path and body. */
const BODIES: Record<string, [path: string, body: string]> = {
  "1 MiB of {}": ["/v1/threads", `{"metadata":{"a":[${many(fitting(MIB, "{}"), "{}")}]}}`],
  "1 MiB of one text": ["/v1/threads", `{"title":"${"x".repeat(MIB - 100)}"}`],
  "1 MiB of a chat": [CHAT, `{"messages":[${many(fitting(MIB, message("hi")), message("hi"))}]}`],
  "10 MiB of {}, refused": [CHAT, `{"messages":[${many(3_300_000, "{}")}]}`],
  "500,000 values": [CHAT, `{"messages":[${message("hi")}],"other":[${many(499_000, `{}`)}]}`],
  "500,000 values of 20 bytes": [CHAT, `{"messages":[${message("hi")}],"other":[${many(499_000, `"${"y".repeat(16)}"`)}]}`],
  "240,000 distinct names": [CHAT, `{"messages":[${message("hi")}],"other":[${numbered(240_000, (i) => `{"k${i}":1}`)}]}`],
  "2,400 times 100 distinct names": [
    CHAT,
    `{"messages":[${message("hi")}],"other":[${numbered(2_400, (i) => `{${numbered(100, (j) => `"k${i}_${j}":1`)}}`)}]}`,
  ],
  "490,000 distinct texts": [CHAT, `{"messages":[${message("hi")}],"other":[${numbered(490_000, (i) => `"t${i}"`)}]}`],
  "1 MiB of distinct names": ["/v1/threads", `{"other":[${numbered(70_000, (i) => `{"k${i}":1}`)}]}`],
  "100,000 messages": [CHAT, `{"messages":[${many(100_000, message("hello there, how are you"))}]}`],
  "one message of 10 MiB": [CHAT, `{"messages":[${message("x".repeat(10 * MIB - 200))}]}`],
  "100,000 logit biases": [CHAT, `{"messages":[${message("hi")}],"other":[${many(20, `{${many(9_000, `"12345":1`)}}`)}]}`],
};

async function serve({ name, command }: Runtime, data: string) {
  const [program = "", ...flags] = command;
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url).href);
  const args = [...flags, main, "serve", "--port", "0", "--adapter", "echo", "--data", data];
  const child = spawn(program, args, { env: { ...process.env, ...runtimeEnv(name) }, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) return { child, url: line.split(" ").at(-1)! };
  throw new Error("The server has not started.");
}

const slowest = async (url: string): Promise<number> =>
  (await load({ url, wide: 1, requests: 200, request: () => get("/v1/models/echo") })).ms.at(-1)!;

async function measure(url: string, [path, body]: [string, string]): Promise<{ before: number; during: number; status: number }> {
  const before = await slowest(url);
  const sent = fetch(url + path, { method: "POST", headers: { "content-type": "application/json" }, body });
  let during = 0;
  let over = false;
  const done = sent.then(async (answer) => {
    await answer.arrayBuffer();
    over = true;
    return answer.status;
  });
  do during = Math.max(during, await slowest(url));
  while (!over);
  return { before, during, status: await done };
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

for (const runtime of runtimes()) {
  if (runtime.skip !== undefined || runtime.name !== (process.env.ONLY ?? runtime.name)) continue;
  const data = mkdtempSync(join(tmpdir(), "ingle-bench-"));
  const { child, url } = await serve(runtime, data);
  const rows: Record<string, object> = {};
  for (const [name, request] of Object.entries(BODIES)) {
    const rounds: Awaited<ReturnType<typeof measure>>[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await measure(url, request));
    const of = (field: "before" | "during") => Math.round(median(rounds.map((round) => round[field])));
    rows[name] = { before: of("before"), during: of("during"), status: rounds[0]!.status };
  }
  console.log(runtime.name);
  console.table(rows);
  child.kill("SIGTERM");
  await new Promise((ended) => child.once("exit", ended));
  rmSync(data, { recursive: true, force: true });
}
