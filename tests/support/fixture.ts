// The fixture of the listener in a process of its own, on any runtime, and the requests that tests put on its wire by hand.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const FIXTURE = new URL("../support/serve-fixture.ts", import.meta.url).pathname;

export interface Fixture {
  url: string;
  /** What the fixture counted so far. */
  seen(): Promise<Record<string, number>>;
  /** Closes the server; answers how long that took, in ms, and the last count. */
  close(grace_ms: number): Promise<{ ms: number; seen: Record<string, number> }>;
  /** All it wrote beside what it was asked for. */
  noise(): string;
  kill(): void;
}

export async function startFixture([binary, ...flags]: string[]): Promise<Fixture> {
  const child = spawn(binary!, [...flags, FIXTURE], { stdio: "pipe" });
  let noise = "";
  child.stderr.on("data", (data) => (noise += data));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => String((await lines.next()).value);
  const url = await line();
  return {
    url,
    seen: async () => (await fetch(`${url}/seen`)).json() as Promise<Record<string, number>>,
    close: async (grace_ms) => {
      child.stdin.write(`${grace_ms}\n`);
      return JSON.parse(await line());
    },
    noise: () => noise,
    kill: () => child.kill("SIGKILL"),
  };
}

export const get = (path: string, ...headers: string[]) => request(`GET ${path}`, ["Host: localhost", ...headers]);
export const post = (path: string, body: string, ...headers: string[]) =>
  request(`POST ${path}`, ["Host: localhost", "Content-Type: application/json", `Content-Length: ${body.length}`, ...headers]) +
  body;
export const request = (line: string, headers: string[]) =>
  `${line} HTTP/1.1\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n`;
