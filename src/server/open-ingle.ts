// ingle within another program: the whole API as a fetch function, put together as `ingle serve` does it, but for the socket.
import type { Adapter } from "../../adapters/adapter.ts";
import type { OwnModel } from "../../models/own-model.ts";
import { wire, type Wired } from "./create-server.ts";
import { configOf, type Config, type Settings } from "./settings.ts";

export interface IngleOptions {
  /**
   * The data folder, made if it is not there: absolute, or relative to where the program was started. One process at a time works in
   * it.
   */
  data: string;
  /** What runs the models: by name, or one of your own. `auto` unless told: llama-server where there is one, else node-llama-cpp. */
  adapter?: Config["adapter"] | Adapter | undefined;
  /** The models of an adapter of your own that needs no files; absent: those in the data folder. */
  models?: readonly OwnModel[] | undefined;
  /** `fs-durable`, which is the data folder, `memory`, `fs:FOLDER`, `redis://…`, or any driver of unstorage with its options. */
  store?: Settings["store"];
  /** Refuse a data folder that is empty or absent. */
  no_init?: boolean | undefined;
  /** The model of requests that name none; absent: the one that is installed. */
  model?: string | undefined;
  /** Of the computation; one per core unless told. */
  threads?: number | undefined;
  /** Tokens of one conversation; absent: what the model's record says. */
  context?: number | undefined;
  /** Answers of one model at a time; 4 unless told. */
  slots?: number | undefined;
  /** Requests that may wait for a slot of one model; 64 unless told. */
  queue?: number | undefined;
  /** How long an idle model stays loaded: seconds, or such as `"10m"`, and -1 for ever; `"5m"` unless told. */
  keep_alive?: number | string | undefined;
  /** How long a chat request may take: seconds, or such as `"2m"`; no limit unless told. */
  timeout?: number | string | undefined;
  /** Of all loaded models together: bytes, or such as `"8GB"`; what the machine has unless told. */
  memory?: number | string | undefined;
  /** Of disk, for the state of idle conversations of one model: bytes, or such as `"2GB"`; nothing is kept unless told. */
  kv_cache?: number | string | undefined;
  /** Path of llama.cpp's own server; absent: one on the PATH, or the one that ingle has built. */
  llama_server?: string | undefined;
  /** Models that stay loaded once they are. */
  pin?: string[] | undefined;
  /** Models may come from plain http and from private addresses. */
  allow_private?: boolean | undefined;
  /** Nothing is fetched from anywhere. */
  offline?: boolean | undefined;
  /** The folder whose model files callers may use in place. */
  models_dir?: string | undefined;
  /** API keys, of at least 16 characters; without one everybody may call who passes the other guards. */
  key?: string[] | undefined;
  /** Origins whose web pages may call, such as `https://app.example`; behind TLS the program's own one too. */
  origins?: string[] | undefined;
  /** Names, beside those of loopback, that requests may have in `Host`: what your program is called by. */
  hosts?: string[] | undefined;
  /** Stream where a request does not say. */
  stream_default?: boolean | undefined;
  /** Takes the lines of the log, one JSON object each; standard error unless told. */
  log?: ((line: string) => void) | undefined;
}

export interface Ingle {
  /**
   * Answers a request whose path begins with `/v1/` or is `/health`; never rejects. All guards apply. A request without a `Host`
   * header, which no browser sends and no socket delivers, is taken for one to the host in its URL.
   */
  fetch(request: Request): Promise<Response>;
  /** What the store keeps of what was acknowledged, as a sentence. */
  readonly guarantee: string;
  /** Lets running answers end for `grace_ms` (10,000 unless told), closes every engine, and lets go of the data folder. Safe to call twice. */
  close(grace_ms?: number): Promise<void>;
}

/**
 * Opens a data folder and serves the API out of it, on Bun, Deno and Node 22.18 or newer. Reads neither a configuration file nor a
 * setting from the environment. Throws `ConfigError` for an option that cannot be used, `LockedError` where another process has the
 * folder, and an `Error` with one sentence where it or its store cannot be had.
 */
export async function openIngle(options: IngleOptions): Promise<Ingle> {
  const { adapter, models, log, ...settings } = options;
  const own = typeof adapter === "object" ? adapter : undefined;
  const config = configOf({ ...settings, adapter: own === undefined ? (adapter as Settings["adapter"]) : undefined });
  const wired = await wire(config, { command: "as a library", adapter: own, models, write: log });
  await wired.resume();
  return { fetch: named(wired), guarantee: wired.guarantee, close: once(wired) };
}

function named({ app }: Wired): Ingle["fetch"] {
  return async (request) => {
    if (request.headers.has("host")) return app.fetch(request);
    const headers = new Headers(request.headers);
    headers.set("host", new URL(request.url).host);
    return app.fetch(new Request(request, { headers }));
  };
}

function once({ close }: Wired): Ingle["close"] {
  let closing: Promise<void> | undefined;
  return (grace_ms = 10_000) => (closing ??= close(grace_ms));
}
