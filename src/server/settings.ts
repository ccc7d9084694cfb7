// Flags > environment (INGLE_*) > config file > defaults -> one checked Config. The environment is read here and nowhere else.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { env as processEnv } from "node:process";
import envPaths from "env-paths";
import * as v from "valibot";
import { ADAPTER_NAMES } from "../../adapters/registry.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { DiskSize, KeepAlive, MemorySize, Timeout } from "../support/quantities.ts";
import { toBadRequest } from "../http/validate.ts";

/** A setting that cannot be used: the sentence names it, its value and where it came from. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Env = Record<string, string | undefined>;

const folders = () => envPaths("ingle", { suffix: "" });

const Whole = (least: number, most: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));

const Settings = v.object({
  host: v.optional(v.pipe(v.string(), v.minLength(1)), "127.0.0.1"),
  port: v.optional(Whole(0, 65_535), 1337),
  data: v.optional(v.pipe(v.string(), v.minLength(1))),
  /** Where records are kept: `fs-durable` is the data folder, else as `drivers.ts` has it; in the file also an object with options. */
  store: v.optional(v.union([v.pipe(v.string(), v.minLength(1)), v.looseObject({ driver: v.string() })]), "fs-durable"),
  /** Refuse a data folder that is empty or absent instead of making it one. */
  no_init: v.optional(v.boolean(), false),
  /** The model of requests that name none. */
  model: v.optional(v.pipe(v.string(), v.minLength(1))),
  /** What runs the models, where a model's record does not say; `auto`: llama-server where there is one, else node-llama-cpp. */
  adapter: v.optional(v.picklist(["auto", ...ADAPTER_NAMES]), "auto"),
  /** Path of llama.cpp's own server; absent: one on the PATH, or the one that ingle has built. */
  llama_server: v.optional(v.pipe(v.string(), v.minLength(1))),
  /** Of the computation; absent: one per core. */
  threads: v.optional(Whole(1, 1024)),
  /** Tokens a slot holds; absent: what the model's record says. */
  context: v.optional(Whole(64, 16_777_216)),
  slots: v.optional(Whole(1, 256), 4),
  /** Requests that may wait for a slot of one model. */
  queue: v.optional(Whole(0, 100_000), 64),
  /** In ms: how long a model stays loaded that nobody uses; `Infinity` for ever. */
  keep_alive: v.optional(KeepAlive, "5m"),
  /** In ms, `Infinity` for none: a chat request may take so long, from its arrival to its last token. */
  timeout: v.optional(Timeout, -1),
  /** Bytes that all loaded models together may take; absent: what the machine has. */
  memory: v.optional(MemorySize),
  /** Bytes of disk for the state of idle conversations; 0: nothing is kept. */
  kv_cache: v.optional(DiskSize, 0),
  /** Ids of models that stay loaded once they are. */
  pin: v.optional(v.array(v.string()), []),
  /** Models may come from plain http and from private addresses, where the address was typed. */
  allow_private: v.optional(v.boolean(), false),
  /** Nothing is fetched from anywhere. */
  offline: v.optional(v.boolean(), false),
  /** The folder whose files may be used in place by whoever may call; the owner's commands may use any. */
  models_dir: v.optional(v.pipe(v.string(), v.minLength(1))),
  key: v.optional(v.array(v.string()), []),
  /** Web origins that may call. */
  origins: v.optional(v.array(v.string()), []),
  /** Names beside localhost under which the server may be addressed. */
  hosts: v.optional(v.array(v.string()), []),
  stream_default: v.optional(v.boolean(), false),
  insecure_no_auth: v.optional(v.boolean(), false),
});

/** Everything that can be set, as a program gives it. */
export type Settings = v.InferInput<typeof Settings>;

/** Everything that can be set, checked; `data` is an absolute path. */
export type Config = v.InferOutput<typeof Settings> & { data: string };

const NAMES = Object.keys(Settings.entries) as (keyof typeof Settings.entries)[];
const NUMBERS = new Set<string>(["port", "threads", "context", "slots", "queue"]);
const LISTS = new Set<string>(["key", "origins", "hosts", "pin"]);
const FLAGS = new Set<string>(["stream_default", "insecure_no_auth", "no_init", "allow_private", "offline"]);

/**
 * Puts the sources together. `flags` are the words of the command line by name; what is undefined was not given.
 * Throws `ConfigError`.
 */
export function readConfig(flags: Record<string, unknown> = {}, env: Env = processEnv): Config {
  const file = configFile(flags.config as string | undefined, env);
  const merged: Record<string, unknown> = {};
  const origin: Record<string, string> = {};
  for (const name of NAMES) {
    const variable = `INGLE_${name.toUpperCase()}`;
    const given: [unknown, string][] = [
      [flags[name], `--${name.replaceAll("_", "-")}`],
      [env[variable] || undefined, variable],
      [file.values[name], `"${name}" in ${file.path}`],
    ];
    const [value, from] = given.find(([value]) => value !== undefined) ?? [];
    if (value === undefined) continue;
    merged[name] = typeof value === "string" ? fromText(name, value) : value;
    origin[name] = from!;
  }
  return checked({ data: defaultDataFolder(env), ...merged }, (name) => origin[name]!);
}

/** The settings of a program that serves the API itself: neither the environment nor a file is read. Throws `ConfigError`. */
export function configOf(settings: Settings & { data: string }): Config {
  const unknown = unknownOf(settings);
  if (unknown !== undefined) throw new ConfigError(`"${unknown}" is no setting of ingle. These are: ${NAMES.join(", ")}.`);
  if (settings.data === undefined) throw new ConfigError('"data" is missing. It must be a folder.');
  return checked(settings, (name) => `"${name}"`);
}

function checked(settings: object, nameOf: (name: string) => string): Config {
  const result = v.safeParse(Settings, settings);
  if (result.success) return { ...result.output, data: resolve(result.output.data!) };
  const { message, param } = toBadRequest(result.issues);
  // `"port" is "abc". It must be a number.`, with the name that was written.
  throw new ConfigError(message.replace(/^"[^"]*"/, nameOf(/^\w+/.exec(param!)![0])));
}

const unknownOf = (settings: object): string | undefined =>
  Object.keys(settings).find((name) => !NAMES.includes(name as (typeof NAMES)[number]));

/** Where downloads may come from; the hub's settings are those of Hugging Face's own tools. */
export function sourceOptions(config: Partial<Config> = {}, env: Env = processEnv): DownloadOptions {
  const { allow_private = false, offline = false } = config;
  return {
    allow_private,
    offline: offline || env.HF_HUB_OFFLINE === "1",
    ...(env.HF_ENDPOINT ? { hf_endpoint: env.HF_ENDPOINT } : {}),
    ...(env.HF_TOKEN ? { hf_token: env.HF_TOKEN } : {}),
  };
}

function defaultDataFolder(env: Env): string {
  return env.XDG_DATA_HOME ? join(env.XDG_DATA_HOME, "ingle") : folders().data;
}

function configFile(flag: string | undefined, env: Env): { path: string; values: Record<string, unknown> } {
  const named = flag ?? env.INGLE_CONFIG;
  const path = named ?? join(folders().config, "config.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return { path, values: {} };
    throw new ConfigError(`The configuration file ${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  const values = parseObject(path, text);
  const unknown = unknownOf(values);
  if (unknown !== undefined) {
    throw new ConfigError(`The configuration file ${path} holds "${unknown}", which is none of: ${NAMES.join(", ")}.`);
  }
  return { path, values };
}

function parseObject(path: string, text: string): Record<string, unknown> {
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === "object" && values !== null && !Array.isArray(values)) return values as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError(`The configuration file ${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  throw new ConfigError(`The configuration file ${path} is not a JSON object.`);
}

/** A word of the command line or the environment as the type the setting has; what does not fit is left for the schema to refuse. */
function fromText(name: string, text: string): unknown {
  if (NUMBERS.has(name)) return /^\d+$/.test(text) ? Number(text) : text;
  if (LISTS.has(name))
    return text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean);
  if (FLAGS.has(name)) return { true: true, 1: true, false: false, 0: false }[text] ?? text;
  return text;
}
