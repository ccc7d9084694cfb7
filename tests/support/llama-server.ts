// A real llama-server on a port of its own, where this machine has one.
import { spawn } from "node:child_process";
import { locateLlamaServer } from "../../adapters/llama-server/find-program.ts";
import { eventually } from "./server.ts";
import { freePort } from "./free-port.ts";
import { PLACE } from "./llama-server-binary.ts";

export interface LlamaServer {
  /** Ends in `/v1`. */
  url: string;
  /** kill -9. Safe to call twice. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Tokens of answers since its start. */
  tokensPredicted(): Promise<number>;
}

export interface LlamaServerOptions {
  model: string;
  /** Its name for the model. */
  alias: string;
  /** Tokens a slot holds. */
  context: number;
  slots: number;
  key?: string;
  /** Of vectors, which are made beside chats at no cost to them; `rank` of a reranker. */
  pooling?: "last" | "mean" | "rank";
}

const binary = locateLlamaServer(PLACE);

/** Why this machine has none, fit for a test's name. */
export const NO_LLAMA_SERVER = binary === undefined ? "there is no llama-server" : undefined;

export async function startLlamaServer(options: LlamaServerOptions): Promise<LlamaServer> {
  const { model, alias, context, slots, key, pooling = "last" } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/v1`;
  const words = ["--model", model, "--alias", alias, "--host", "127.0.0.1", "--port", String(port), "--threads", "1"];
  const size = ["--parallel", String(slots), "--ctx-size", String(context * slots), "--no-webui", "--metrics"];
  const vectors = pooling === "rank" ? ["--rerank"] : ["--embedding", "--pooling", pooling];
  let kill = async (): Promise<void> => {};
  const start = async (): Promise<void> => {
    const child = spawn(binary!, [...words, ...size, ...vectors, ...(key ? ["--api-key", key] : [])], { stdio: "ignore" });
    const ended = new Promise<void>((resolve) => child.on("error", () => resolve()).on("exit", () => resolve()));
    kill = async () => {
      child.kill("SIGKILL");
      await ended;
    };
    await eventually("llama-server has loaded its model", async () => {
      if (child.exitCode !== null) throw new Error("llama-server did not start.");
      return (await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.ok ?? false;
    });
  };
  await start();
  const tokensPredicted = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${key ?? ""}` };
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text();
    return Number(/^llamacpp:tokens_predicted_total (\d+)/m.exec(text)![1]);
  };
  return { url, kill: () => kill(), start, tokensPredicted };
}
