// Every setting, once: flags and their help, environment variables, the configuration file, the options of the package and
// docs/configuration.md come from this table.
import * as v from "valibot";
import { ADAPTER_NAMES } from "../../adapters/registry.ts";
import { isHostPattern } from "../../models/download/addresses.ts";
import { AddressRange, HostName, ListenHost, WebOrigin } from "./address-values.ts";
import { codedMessage } from "../support/coded-message.ts";
import { LOG_LEVELS } from "../support/log/log-entry.ts";
import { BodySize, DiskSize, KeepAlive, MemorySize, Timeout } from "../support/quantities.ts";

export interface Setting {
  schema: v.GenericSchema;
  /**
   * How a word of the command line or the environment is read: `list` is split at commas, `path` is made absolute,
   * `switch` is a flag without a value, and `boolean` one with `true` or `false`.
   */
  kind: "text" | "path" | "number" | "list" | "switch" | "boolean";
  /** One line, for help and docs. */
  description: string;
  /** What the flag without its `no-` does, of a setting whose name begins with it. */
  opposite?: string;
  /** The default in words; absent: the one of the schema. */
  usual?: string;
  /** Stands for the value in help; absent: the name of the setting. */
  hint?: string;
  /** `socket`: of a server that listens, not of the package. `secret`: kept out of files and command lines that others can read. */
  scope?: "socket" | "secret";
}

const Text = v.pipe(v.string(), v.minLength(1));
const NO_DRIVER = codedMessage(
  "invalid_value",
  '"store" names no driver. Write it as in {"driver": "redis", "url": "redis://127.0.0.1:6379/0"}.',
);
const Driver = v.pipe(v.string(NO_DRIVER), v.minLength(1, NO_DRIVER));
const HostPattern = v.pipe(
  v.string(),
  v.check(
    isHostPattern,
    codedMessage(
      "invalid_value",
      '"download_hosts" holds what is no host. Write names, *.suffix or ranges, as in mirror.lan,*.corp.example,10.0.0.0/8.',
    ),
  ),
);
const ADAPTERS = ["auto", ...ADAPTER_NAMES] as const;

const TEXT = { kind: "text", schema: v.optional(Text) } as const;
const PATH = { kind: "path", schema: v.optional(Text) } as const;
const LIST = { kind: "list", schema: v.optional(v.array(Text), []) } as const;
const SWITCH = { kind: "switch", schema: v.optional(v.boolean(), false) } as const;

function number<const Default extends number | undefined>(least: number, most: number, usual: Default) {
  const Whole = v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));
  return { kind: "number", schema: v.optional(Whole, usual) } as const;
}

export const SETTINGS = {
  host: {
    ...{ ...TEXT, schema: v.optional(ListenHost, "127.0.0.1"), scope: "socket" },
    description: "Address to listen on; beyond this machine it needs a key",
  },
  port: { ...number(0, 65_535, 1337), scope: "socket", description: "Port to listen on; 0 takes a free one" },
  data: {
    ...{ ...PATH, hint: "folder", usual: "~/.local/share/ingle on Linux" },
    description: "The data folder: threads, messages, assistants, models",
  },
  store: {
    ...{ ...TEXT, schema: v.optional(v.union([Text, v.looseObject({ driver: Driver }, NO_DRIVER)]), "fs-durable") },
    description: "Where records are kept: fs-durable is the data folder; memory, fs:FOLDER, redis://…",
  },
  no_init: {
    ...{ ...SWITCH, opposite: "Make the data folder where it is empty or absent, which is the default" },
    description: "Refuse an empty or absent data folder: its disk may not be mounted",
  },
  model: { ...TEXT, usual: "the one that is installed", description: "Model of requests that name none" },
  adapter: {
    ...{ ...TEXT, schema: v.optional(v.picklist(ADAPTERS), "auto") },
    description: `What runs the models whose records name no adapter: ${ADAPTERS.join(", ")}`,
  },
  llama_server: {
    ...PATH,
    hint: "path",
    usual: "on the PATH, or built by ingle",
    description: "llama.cpp's own server, its path or its name on the PATH",
  },
  threads: { ...number(1, 1024, undefined), usual: "one per core", description: "Threads of the computation" },
  measure: {
    ...{ kind: "boolean", schema: v.optional(v.boolean(), true), hint: "boolean" },
    description: 'false: never time the engines by itself; what "ingle doctor --bench" has found counts all the same',
  },
  context: {
    ...{
      ...number(64, 16_777_216, undefined),
      usual: "that of the model's record, else its own up to 32768, as half of the memory allows",
    },
    description: "Tokens of one conversation, which is what a slot holds",
  },
  slots: {
    ...{ ...number(1, 256, undefined), usual: "4, or down to 2 where a slot would hold less than 8192 tokens" },
    description: "Answers of one model at a time; each slot takes memory for its own context",
  },
  queue: { ...number(0, 100_000, 64), description: "Requests of one model that may wait for a slot; further ones get 429" },
  keep_alive: {
    ...{ ...TEXT, schema: v.optional(KeepAlive, "5m"), hint: "time" },
    description: "How long an idle model stays loaded: 30s, 10m, 2h, 0, or -1 for ever",
  },
  timeout: {
    ...{ ...TEXT, schema: v.optional(Timeout, -1), hint: "time", usual: "no limit" },
    description: "How long a chat request may take, queue and load included: 30s, 10m; then it ends with 504",
  },
  memory: {
    ...{ ...TEXT, schema: v.optional(MemorySize), hint: "size", usual: "what the machine has" },
    description: "Memory of all loaded models together, such as 8GB",
  },
  kv_cache: {
    ...{ ...TEXT, schema: v.optional(DiskSize, 0), hint: "size" },
    description: "Disk for the saved states of idle conversations, of all models together, such as 2GB; 0 keeps none",
  },
  pin: { ...LIST, hint: "models", description: "Models that stay loaded once they are, with commas between them" },
  allow_private: {
    ...SWITCH,
    description: "Models may come from plain http and from private addresses, where the address was typed",
  },
  download_hosts: {
    ...{ ...LIST, schema: v.optional(v.array(HostPattern), []), hint: "hosts" },
    description: "Hosts beyond public https that downloads may ask, redirects included: mirror.lan, *.corp.example, 10.0.0.0/8",
  },
  downloads: { ...number(1, 64, 2), description: "Downloads at a time; further ones are queued" },
  offline: { ...SWITCH, description: "Fetch nothing from anywhere" },
  models_dir: { ...PATH, hint: "folder", description: "Folder whose model files clients may use in place" },
  body_limit: {
    ...{ ...TEXT, schema: v.optional(BodySize, "10MiB"), hint: "size" },
    description: "The largest body of a request that a model reads, such as a chat of 50MB: images take room; at most 100MB",
  },
  key: {
    ...{ ...LIST, hint: "keys", scope: "secret" },
    description: "API keys that may call, of at least 16 characters, with commas; INGLE_KEY keeps them off the command line",
  },
  origins: {
    ...{ ...LIST, schema: v.optional(v.array(WebOrigin), []) },
    description: "Web origins that may call, such as http://localhost:3000, with commas between them",
  },
  hosts: {
    ...{ ...LIST, schema: v.optional(v.array(HostName), []) },
    description: "Further names of this server, with commas between them",
  },
  stream_default: {
    ...{ ...SWITCH, kind: "boolean", hint: "boolean" },
    description: "true: stream where a request does not say, as Jan's document has it",
  },
  trust_proxy: {
    ...{ ...LIST, schema: v.optional(v.array(AddressRange), []), hint: "ranges" },
    description: "Addresses of the proxies in front of the server, whose X-Forwarded-For and -Proto count: 127.0.0.1, 10.0.0.0/8",
  },
  log_level: {
    ...{ ...TEXT, schema: v.optional(v.picklist(LOG_LEVELS), "info"), hint: "level" },
    description: `The least important lines of the log: ${LOG_LEVELS.join(", ")}; requests are info`,
  },
  log_format: {
    ...{ ...TEXT, schema: v.optional(v.picklist(["text", "json"])), hint: "format", usual: "text at a terminal, else json" },
    description: "How the log is written, on standard error: text, or json with an object a line",
  },
  insecure_no_auth: { ...SWITCH, scope: "socket", description: "Listen beyond this machine without a key" },
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
 * Everything that can be set, checked: all paths are absolute, `keep_alive` and `timeout` are milliseconds with `Infinity` for ever,
 * `memory`, `kv_cache` and `body_limit` are bytes.
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
