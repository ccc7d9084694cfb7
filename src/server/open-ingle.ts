// ingle within another program: the whole API as a fetch function, which is `ingle serve` without its socket.
import type { Adapter } from "../../adapters/adapter.ts";
import type { OwnModel } from "../../models/own-model.ts";
import { createServer, type RunningServer } from "./create-server.ts";
import { configOf } from "./read-config.ts";
import type { Settings, SocketSetting } from "./settings.ts";

/**
 * The settings of docs/configuration.md, except those of a server that listens; and what only a program can give. A time is a number of
 * seconds or a text such as `"10m"`, a size a number of bytes or a text such as `"8GB"`.
 */
export interface IngleOptions extends Omit<Settings, SocketSetting | "adapter" | "data"> {
  /** The data folder, made if it is not there: absolute, or relative to the working folder. One process at a time works in it. */
  data: string;
  /** What runs the models: the name of an adapter, or one of your own. */
  adapter?: Settings["adapter"] | Adapter;
  /** The models of an adapter of your own that needs no files; absent: those in the data folder. */
  models?: readonly OwnModel[] | undefined;
  /** Takes the lines of the log, one JSON object each unless `log_format` says otherwise; absent: standard error. */
  log?: ((line: string) => void) | undefined;
}

export interface Ingle {
  /**
   * Answers a request whose path begins with `/v1/` or is `/health` or `/metrics`; never rejects. All guards apply. A request without a
   * `Host` header, which no browser sends and no socket delivers, is taken for one to the host in its URL.
   */
  fetch(request: Request): Promise<Response>;
  /** What the store keeps of what was acknowledged, as a sentence. */
  readonly guarantee: string;
  /** Lets running answers end for `grace_ms` (10,000 if absent), closes every engine, and lets go of the data folder. Safe to call twice. */
  close(grace_ms?: number): Promise<void>;
}

/**
 * Opens a data folder and serves the API out of it, on Bun, Deno and Node 22.12 or newer. Reads neither a configuration file nor a
 * setting from the environment. Throws `ConfigError` for an option that cannot be used, `LockedError` where another process has the
 * folder, and an `Error` with one sentence where the folder or its store cannot be had.
 */
export async function openIngle(options: IngleOptions): Promise<Ingle> {
  const { adapter, models, log, ...settings } = options;
  const own = typeof adapter === "object" ? adapter : undefined;
  const config = configOf({ ...settings, adapter: own === undefined ? (adapter as Settings["adapter"]) : undefined });
  const server = await createServer(config, { command: "as a library", adapter: own, models, write: log, log_requests: true });
  await server.resumeDownloads();
  return { fetch: fetchWithHost(server), guarantee: server.guarantee, close: closeOnce(server) };
}

function fetchWithHost({ app }: RunningServer): Ingle["fetch"] {
  return async (request) => {
    const { url, method } = request;
    const is_taken = request.bodyUsed || (method !== "GET" && request.body?.locked === true);
    const has_host = request.headers.has("host");
    if (has_host && !is_taken) return app.fetch(request);
    const headers = new Headers(request.headers);
    if (!has_host) headers.set("host", new URL(url).host);
    return app.fetch(is_taken ? await takenRequest(url, { method, headers }) : new Request(request, { headers }));
  };
}

/** Stands for a request whose body was read, or is being read, elsewhere: of that one no other can be made. The routes refuse both. */
async function takenRequest(url: string, init: RequestInit): Promise<Request> {
  const request = new Request(url, { ...init, body: "taken" });
  await request.arrayBuffer();
  return request;
}

function closeOnce({ close }: RunningServer): Ingle["close"] {
  let closing: Promise<void> | undefined;
  return (grace_ms = 10_000) => (closing ??= close(grace_ms));
}
