// A port that is taken: by whom, and which one is free instead.
import { createServer } from "node:net";
import { requestDirectly } from "../support/direct-request.ts";
import { isObject } from "../support/json.ts";
import { runProgram } from "./doctor/finding.ts";

/** A program of this machine answers within this time, in milliseconds. */
const ANSWER_MS = 2_000;

/** Characters of an answer that says what a server is; Jan's longest has 50,000. */
const LONGEST_ANSWER = 1_000_000;

/** The error code of an attempt to listen; undefined where it succeeds. */
export function listenErrorCode(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

const TRIES = 20;

/** The next port above that is free; 0, which takes any, where none is near. */
export async function findFreePort(host: string, port: number): Promise<number> {
  for (let next = port + 1; next <= Math.min(port + TRIES, 65_535); next++)
    if ((await listenErrorCode(host, next)) === undefined) return next;
  return 0;
}

/** Where who listens everywhere is reached. */
const LOOPBACK: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

export interface PortOwner {
  /** As it goes on behind "by". */
  name: string;
  /** What else than another port helps. */
  remedy: string;
}

/** `address` is without brackets. */
export async function findPortOwner(address: string, port: number): Promise<PortOwner> {
  const reachable = LOOPBACK[address] ?? address;
  const url = `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
  const [index, is_jan] = await Promise.all([readJson(`${url}/`), isJan(url)]);
  if (isObject(index) && index.name === "ingle")
    return { name: `another ingle, whose base URL is ${url}/v1`, remedy: "Use that one" };
  if (is_jan) return { name: "Jan's local API server", remedy: "Stop it in Jan's settings" };
  return { name: (await programOf(port)) ?? "another program", remedy: "Stop it" };
}

/**
 * Jan's server gives its reference to everybody: at `/openapi.json` since Jan 0.6, at `/json` before. At its other paths it answers as other
 * servers with OpenAI's API do, or asks for a key.
 */
async function isJan(url: string): Promise<boolean> {
  const documents = await Promise.all(["/openapi.json", "/json"].map((path) => readJson(url + path)));
  return documents.some((document) => {
    const info = isObject(document) && isObject(document.info) ? document.info : {};
    return /\bJan API\b/.test(`${info.title} ${info.description}`);
  });
}

/** Undefined for what is no JSON, or does not come soon. */
async function readJson(url: string): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await requestDirectly(new Request(url, { headers: { accept: "application/json" }, signal }));
    let text = "";
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream()))
      if ((text += piece).length > LONGEST_ANSWER) return undefined;
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined for programs of other users, which only root may see. */
async function programOf(port: number): Promise<string | undefined> {
  const { text } = await runProgram("ss", ["-Hltnp", `sport = :${port}`]);
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(text) ?? [];
  return name === undefined ? undefined : `"${name}", process ${pid}`;
}
