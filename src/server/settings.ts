// Every setting, once: flags and their help, environment variables, the configuration file, the options of the package and
// docs/configuration.md come from this table.
import * as v from "valibot";
import { ADAPTER_NAMES } from "../../adapters/registry.ts";
import { DiskSize, KeepAlive, MemorySize, Timeout } from "../support/quantities.ts";

export interface Setting {
  schema: v.GenericSchema;
  /**
   * How a word of the command line or the environment is read: `list` is split at commas, `path` is made absolute where it is kept,
   * `switch` is a flag without a value, and `boolean` one with `true` or `false`.
   */
  kind: "text" | "path" | "number" | "list" | "switch" | "boolean";
  /** One line, for help and docs. */
  description: string;
  /** The default in words; absent: the one of the schema. */
  usual?: string;
  /** Stands for the value in help; absent: the name of the setting. */
  hint?: string;
  /** `socket`: of a server that listens, not of the package. `secret`: kept out of files and command lines that others can read. */
  scope?: "socket" | "secret";
}

const Text = v.pipe(v.string(), v.minLength(1));
const Whole = (least: number, most: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));

export const SETTINGS = {
  host: {
    schema: v.optional(Text, "127.0.0.1"),
    kind: "text",
    description: "Address to listen on; beyond this machine it needs a key",
    scope: "socket",
  },
  port: {
    schema: v.optional(Whole(0, 65_535), 1337),
    kind: "number",
    description: "Port to listen on; 0 takes a free one",
    scope: "socket",
  },
  data: {
    schema: v.optional(Text),
    kind: "path",
    description: "The data folder: threads, messages, assistants, models",
    usual: "~/.local/share/ingle on Linux",
    hint: "folder",
  },
  store: {
    schema: v.optional(v.union([Text, v.looseObject({ driver: v.string() })]), "fs-durable"),
    kind: "text",
    description: "Where records are kept: fs-durable is the data folder; memory, fs:FOLDER, redis://…",
  },
  no_init: {
    schema: v.optional(v.boolean(), false),
    kind: "switch",
    description: "Refuse an empty or absent data folder: its disk may not be mounted",
  },
  model: {
    schema: v.optional(Text),
    kind: "text",
    description: "Model of requests that name none",
    usual: "the one that is installed",
  },
  adapter: {
    schema: v.optional(v.picklist(["auto", ...ADAPTER_NAMES]), "auto"),
    kind: "text",
    description: `What runs the models whose records name no adapter: ${["auto", ...ADAPTER_NAMES].join(", ")}`,
  },
  llama_server: {
    schema: v.optional(Text),
    kind: "path",
    description: "llama.cpp's own server",
    usual: "on the PATH, or built by ingle",
    hint: "path",
  },
  threads: {
    schema: v.optional(Whole(1, 1024)),
    kind: "number",
    description: "Threads of the computation",
    usual: "one per core",
  },
  context: {
    schema: v.optional(Whole(64, 16_777_216)),
    kind: "number",
    description: "Tokens of one conversation, which is what a slot holds",
    usual: "the model's own, else 4096",
  },
  slots: {
    schema: v.optional(Whole(1, 256), 4),
    kind: "number",
    description: "Answers of one model at a time; each slot takes memory for its own context",
  },
  queue: {
    schema: v.optional(Whole(0, 100_000), 64),
    kind: "number",
    description: "Requests of one model that may wait for a slot; further ones get 429",
  },
  keep_alive: {
    schema: v.optional(KeepAlive, "5m"),
    kind: "text",
    description: "How long an idle model stays loaded: 30s, 10m, 2h, 0, or -1 for ever",
    hint: "time",
  },
  timeout: {
    schema: v.optional(Timeout, -1),
    kind: "text",
    description: "How long a chat request may take, queue and load included: 30s, 10m; then it ends with 504",
    usual: "no limit",
    hint: "time",
  },
  memory: {
    schema: v.optional(MemorySize),
    kind: "text",
    description: "Memory of all loaded models together, such as 8GB",
    usual: "what the machine has",
    hint: "size",
  },
  kv_cache: {
    schema: v.optional(DiskSize, 0),
    kind: "text",
    description: "Disk for the saved states of idle conversations, of all models together, such as 2GB; 0 keeps none",
    hint: "size",
  },
  pin: {
    schema: v.optional(v.array(v.string()), []),
    kind: "list",
    description: "Models that stay loaded once they are, with commas between them",
    hint: "models",
  },
  allow_private: {
    schema: v.optional(v.boolean(), false),
    kind: "switch",
    description: "Models may come from plain http and from private addresses, where the address was typed",
  },
  offline: {
    schema: v.optional(v.boolean(), false),
    kind: "switch",
    description: "Fetch nothing from anywhere",
  },
  models_dir: {
    schema: v.optional(Text),
    kind: "path",
    description: "Folder whose model files clients may use in place",
    hint: "folder",
  },
  key: {
    schema: v.optional(v.array(v.string()), []),
    kind: "list",
    description: "API keys that may call, of at least 16 characters, with commas; INGLE_KEY keeps them off the command line",
    hint: "keys",
    scope: "secret",
  },
  origins: {
    schema: v.optional(v.array(v.string()), []),
    kind: "list",
    description: "Web origins that may call, such as http://localhost:3000, with commas between them",
  },
  hosts: {
    schema: v.optional(v.array(v.string()), []),
    kind: "list",
    description: "Further names of this server, with commas between them",
  },
  stream_default: {
    schema: v.optional(v.boolean(), false),
    kind: "boolean",
    description: "true: stream where a request does not say, as Jan's document has it",
    hint: "boolean",
  },
  insecure_no_auth: {
    schema: v.optional(v.boolean(), false),
    kind: "switch",
    description: "Listen beyond this machine without a key",
    scope: "socket",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

type Entries = { readonly [Name in SettingName]: (typeof SETTINGS)[Name]["schema"] };
export const SettingsSchema = v.object(
  Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].schema])) as unknown as Entries,
);

/** Everything that can be set, as a program gives it. */
export type Settings = v.InferInput<typeof SettingsSchema>;

/**
 * Everything that can be set, checked: `data` is an absolute path, `keep_alive` and `timeout` are milliseconds with `Infinity` for ever,
 * `memory` and `kv_cache` are bytes.
 */
export type Config = v.InferOutput<typeof SettingsSchema> & { data: string };

/** Settings that have a meaning only for a server that listens. */
export type SocketSetting = {
  [Name in SettingName]: (typeof SETTINGS)[Name] extends { scope: "socket" } ? Name : never;
}[SettingName];

/** The name of the option, without its dashes: `keep-alive`. */
export const flagOf = (name: string): string => name.replaceAll("_", "-");

/** The name of the environment variable: `INGLE_KEEP_ALIVE`. */
export const variableOf = (name: string): string => `INGLE_${name.toUpperCase()}`;

/** The default in words; undefined where there is none. */
export function defaultOf(name: SettingName): string | undefined {
  const { schema, usual }: Setting = SETTINGS[name];
  const value = usual ?? v.getDefault(schema);
  return value === undefined || (Array.isArray(value) && value.length === 0) ? undefined : String(value);
}
