// What is compared: ingle with each of its engines, llama-server without anything before it, and a bare loop of native calls.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { findRuntime, runtimeEnv } from "../../../src/launch/runtimes.mjs";
import { file, line, THREADS } from "../engines/subjects.ts";

/** Of a server with this model: its answer to all texts at once, in milliseconds. */
export async function embedAll(url: string, model: string, input: string[], signal: AbortSignal | null = null): Promise<number> {
  // As OpenAI's clients ask.
  const body = JSON.stringify({ model, input, encoding_format: "base64" });
  const began = performance.now();
  const res = await fetch(`${url}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    signal,
  });
  const answer = await res.text();
  const ms = performance.now() - began;
  if (!res.ok) throw new Error(answer);
  return ms;
}

export interface BareLoop {
  /** In milliseconds. */
  run(tokens: number[][]): Promise<number>;
  stop(): void;
}

/** On the runtime on which the embedded engine computes, as it does there. */
export async function startBareLoop(path: string): Promise<BareLoop> {
  const [node, ...flags] = findRuntime("node")!;
  const env = { ...process.env, ...runtimeEnv("node"), UV_THREADPOOL_SIZE: "1" };
  const args = [...flags, file("../embeddings/bare-loop.ts"), path, `${THREADS}`];
  const child = spawn(node!, args, { stdio: ["pipe", "pipe", "inherit"], env });
  const lines = createInterface({ input: child.stdout });
  await line(lines);
  return {
    async run(tokens) {
      child.stdin.write(`${JSON.stringify(tokens)}\n`);
      return Number(await line(lines));
    },
    stop: () => child.stdin.end(),
  };
}

export async function tokensOf(url: string, model: string, content: string): Promise<number[]> {
  const body = JSON.stringify({ model, content });
  const res = await fetch(`${url}/v1/tokenize`, { method: "POST", headers: { "content-type": "application/json" }, body });
  return ((await res.json()) as { tokens: number[] }).tokens;
}
