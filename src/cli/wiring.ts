// From settings to a working application: library, engines, guards and routes, put together once for every command that answers.
import { getRandomValues } from "node:crypto";
import type { Hono } from "hono";
import manifest from "../../package.json" with { type: "json" };
import type { Model } from "../../models/model.ts";
import { createApp } from "../app.ts";
import type { Config } from "../config.ts";
import { createEngines } from "../engines.ts";
import { newId } from "../ids.ts";
import { openLibrary, type Library } from "../library.ts";
import { createLog, type Log } from "../log.ts";
import { adapterOf } from "./adapters.ts";

export interface Wired {
  app: Hono;
  library: Library;
  log: Log;
  /** Lets running answers end for `grace_ms`, then closes every engine. */
  close(grace_ms: number): Promise<void>;
}

export interface WireOptions {
  /** The server listens beyond loopback. */
  wide?: boolean;
  /** Takes the lines of the log; absent: standard error. */
  write?: (line: string) => void;
}

/** Throws one sentence where the guards' settings are unsafe together. */
export function wire(config: Config, { wide = false, write = (line) => process.stderr.write(line) }: WireOptions = {}): Wired {
  const log = createLog(write);
  const onDamaged = (id: string, error: Error): void => log.warn("damaged record", { model: id, cause: error });
  const library = config.adapter === "echo" ? echoLibrary() : openLibrary(config.data, { onDamaged });
  const { adapter, slots, queue, threads, context } = config;
  const engines = createEngines({
    adapter: adapterOf(adapter, (line) => log.info(line, { from: "engine" })),
    resolve: library.resolve,
    slots,
    queue,
    threads,
    context,
    log,
  });
  const app = createApp({
    guards: { hosts: config.hosts, wide, origins: config.origins, keys: config.key },
    library,
    engines,
    adapter,
    log,
    version: manifest.version,
    default_model: config.model,
    stream_default: config.stream_default,
    newId,
    newSeed: () => getRandomValues(new Uint32Array(1))[0]!,
    now: () => Math.floor(Date.now() / 1000),
  });
  return { app, library, log, close: engines.close };
}

/** The one model of `--adapter echo`: it has no files. */
function echoLibrary(): Library {
  const model: Model = {
    id: "echo",
    object: "model",
    name: "Echo",
    version: "1.0",
    description: "Answers with the last message.",
    format: "gguf",
    created: 0,
    owned_by: "ingle",
    settings: {},
    parameters: {},
    metadata: {},
    files: [],
  };
  return {
    list: async () => [model],
    get: async (id) => (id === model.id ? model : undefined),
    resolve: async ({ id, settings }) => ({ id, path: "", settings }),
    add: refuse,
    remove: refuse,
    partial: async () => 0,
    pull: refuse,
  };
}

function refuse(): never {
  throw new Error(`The models of "--adapter echo" cannot be changed.`);
}
