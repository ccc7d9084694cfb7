// A real Redis server on a port of its own, with nothing kept after its end.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";

export interface RedisServer {
  url: string;
  /** Kills it at once. Safe to call twice. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
}

/** Why this machine has no Redis server, fit for a test's name. */
export const NO_REDIS: string | undefined = Bun.which("redis-server") ? undefined : "redis-server is not installed";

const START_MS = 20_000;

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), "ingle-redis-"));
  let kill = async (): Promise<void> => {};
  const start = async (): Promise<void> => {
    const words = ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no", "--dir", dir];
    const child = spawn("redis-server", words, { stdio: "ignore" });
    const ended = new Promise<void>((resolve) => child.on("error", () => resolve()).on("exit", () => resolve()));
    kill = async () => {
      child.kill("SIGKILL");
      await ended;
    };
    for (const end = Date.now() + START_MS; !(await answers(port)); await sleep(20)) {
      if (child.exitCode !== null || Date.now() > end) throw new Error("redis-server did not start.");
    }
  };
  await start();
  return { url: `redis://127.0.0.1:${port}`, kill: () => kill(), start };
}

/** Not only a socket: it takes commands. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.on("data", (bytes) => (resolve(String(bytes).startsWith("+PONG")), socket.destroy()));
    socket.on("error", () => resolve(false));
  });
}
