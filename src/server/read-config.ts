// Flags > environment (INGLE_*) > config file > defaults -> one checked Config. The environment is read here and nowhere else.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { env as processEnv } from "node:process";
import envPaths from "env-paths";
import * as v from "valibot";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { toBadRequest } from "../http/validate.ts";
import { isObject } from "../support/json.ts";
import {
  flagOf,
  SETTING_NAMES,
  SETTINGS,
  SettingsSchema,
  variableOf,
  type Config,
  type SettingName,
  type Settings,
} from "./settings.ts";

/** A setting that cannot be used: the sentence names it, its value and where it came from. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Variables = Record<string, string | undefined>;

const platformFolders = () => envPaths("ingle", { suffix: "" });

/** The settings of a command; `flags` are those of its command line by the names of the settings. Throws `ConfigError`. */
export function readConfig(flags: Record<string, unknown> = {}, env: Variables = processEnv): Config {
  const file = readConfigFile(flags.config as string | undefined, env);
  const merged: Record<string, unknown> = {};
  const origin: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const variable = variableOf(name);
    const given: [unknown, string][] = [
      [flags[name], `--${flagOf(name)}`],
      [env[variable] || undefined, variable],
      [file.values[name], `"${name}" in ${file.path}`],
    ];
    const [value, from] = given.find(([value]) => value !== undefined) ?? [];
    if (value === undefined) continue;
    merged[name] = typeof value === "string" ? parseWord(name, value) : value;
    origin[name] = from!;
  }
  const data = env.XDG_DATA_HOME ? join(env.XDG_DATA_HOME, "ingle") : platformFolders().data;
  return checkSettings({ data, ...merged }, (name) => origin[name]!);
}

/** The settings of a program that serves the API itself: neither the environment nor a file is read. Throws `ConfigError`. */
export function configOf(settings: Settings & { data: string }): Config {
  const unknown = unknownName(settings);
  if (unknown !== undefined)
    throw new ConfigError(`"${unknown}" is not a setting of ingle. These are: ${SETTING_NAMES.join(", ")}.`);
  if (settings.data === undefined) throw new ConfigError('"data" is missing. It must be a folder.');
  return checkSettings(settings, (name) => `"${name}"`);
}

function checkSettings(settings: object, nameOf: (name: string) => string): Config {
  const result = v.safeParse(SettingsSchema, settings);
  if (result.success) return { ...result.output, data: resolve(result.output.data!) };
  const { message, param } = toBadRequest(result.issues);
  // The sentence `"port" is "abc". It must be a number.` gets the name that was written.
  throw new ConfigError(message.replace(/^"[^"]*"/, nameOf(/^\w+/.exec(param!)![0])));
}

const unknownName = (settings: object): string | undefined =>
  Object.keys(settings).find((name) => !Object.hasOwn(SETTINGS, name));

/** Where downloads may come from; the hub's settings are those of Hugging Face's own tools. */
export function sourceOptions(config: Partial<Config> = {}, env: Variables = processEnv): DownloadOptions {
  const { allow_private = false, offline = false } = config;
  return {
    allow_private,
    offline: offline || env.HF_HUB_OFFLINE === "1",
    ...(env.HF_ENDPOINT ? { hf_endpoint: env.HF_ENDPOINT } : {}),
    ...(env.HF_TOKEN ? { hf_token: env.HF_TOKEN } : {}),
  };
}

function readConfigFile(flag: string | undefined, env: Variables): { path: string; values: Record<string, unknown> } {
  const named = flag ?? (env.INGLE_CONFIG || undefined);
  const path = named ?? join(platformFolders().config, "config.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return { path, values: {} };
    throw new ConfigError(`The configuration file ${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  const values = parseObject(path, text);
  const unknown = unknownName(values);
  if (unknown !== undefined) {
    throw new ConfigError(`The configuration file ${path} holds "${unknown}", which is none of: ${SETTING_NAMES.join(", ")}.`);
  }
  return { path, values };
}

function parseObject(path: string, text: string): Record<string, unknown> {
  try {
    const values: unknown = JSON.parse(text);
    if (isObject(values)) return values;
  } catch (error) {
    throw new ConfigError(`The configuration file ${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  throw new ConfigError(`The configuration file ${path} is not a JSON object.`);
}

/** A word as the type of its setting; one that does not fit is left to the schema to refuse. */
function parseWord(name: SettingName, text: string): unknown {
  const { kind } = SETTINGS[name];
  if (kind === "number") return /^\d+$/.test(text) ? Number(text) : text;
  if (kind === "list") return splitAtCommas(text);
  if (kind === "switch" || kind === "boolean") return { true: true, 1: true, false: false, 0: false }[text] ?? text;
  return text;
}

export function splitAtCommas(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts.filter(Boolean);
}
