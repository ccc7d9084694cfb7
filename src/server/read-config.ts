// Flags > environment (INGLE_*) > config file > defaults -> one checked Config. The environment is read here and nowhere else.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { env as processEnv } from "node:process";
import * as v from "valibot";
import manifest from "../../package.json" with { type: "json" };
import { absoluteFolder, homeFolder, PathError } from "../../models/absolute-path.ts";
import { readProxies } from "../../models/network/proxies.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { toBadRequest } from "../http/validate.ts";
import { isObject } from "../support/json.ts";
import { shellWords } from "../support/shell-words.ts";
import { ConfigError } from "./config-error.ts";
import { hubOptions, type Variables } from "./hub-options.ts";
import { platformFolder } from "./platform-folders.ts";
import { readSwitch } from "./switch-words.ts";
import { ANYTHING, readPath, withAbsolutePaths, type SettingOrigin } from "./setting-paths.ts";
import {
  flagOf,
  SETTING_NAMES,
  SETTINGS,
  SettingsSchema,
  variableOf,
  type Config,
  type Setting,
  type SettingName,
  type Settings,
} from "./settings.ts";

/** The settings of a command; `flags` are those of its command line by the names of the settings. Throws `ConfigError`. */
export function readConfig(flags: Record<string, unknown> = {}, env: Variables = processEnv): Config {
  const file = readConfigFile(flags.config as string | undefined, env);
  const merged: Record<string, unknown> = {};
  const origins: Partial<Record<SettingName, SettingOrigin>> = {};
  for (const name of SETTING_NAMES) {
    const given: [unknown, SettingOrigin][] = [
      [flags[name], optionOrigin(flagOf(name))],
      [env[variableOf(name)] || undefined, variableOrigin(variableOf(name))],
      [file.values[name], fileOrigin(name, file.path)],
    ];
    const [value, origin] = given.find(([value]) => value !== undefined) ?? [];
    if (value === undefined) continue;
    merged[name] = typeof value === "string" ? parseWord(name, value, origin!.name) : value;
    origins[name] = origin!;
  }
  const { XDG_CACHE_HOME } = env;
  if (XDG_CACHE_HOME) asConfigError(() => absoluteFolder(XDG_CACHE_HOME, "XDG_CACHE_HOME"));
  // What is not used is not looked at.
  const usual = asConfigError(() => usualDataFolder(merged.data === undefined ? env : {}));
  return checkSettings({ data: usual.data, ...merged }, (name) => origins[name] ?? usual.origin, workingFolders(env));
}

function usualDataFolder(env: Variables): { data: string; origin: SettingOrigin } {
  const { XDG_DATA_HOME } = env;
  if (XDG_DATA_HOME) {
    absoluteFolder(XDG_DATA_HOME, "XDG_DATA_HOME");
    return { data: join(XDG_DATA_HOME, "ingle"), origin: { ...optionOrigin("data"), name: "The data folder of XDG_DATA_HOME" } };
  }
  const { folder, earlier } = platformFolder("data", env);
  return { data: folder, origin: { ...optionOrigin("data"), name: "The data folder", earlier } };
}

/** The settings of a program that serves the API itself: neither the environment nor a file is read. Throws `ConfigError`. */
export function configOf(settings: Settings & { data: string }): Config {
  const unknown = unknownName(settings);
  if (unknown !== undefined)
    throw new ConfigError(`"${unknown}" is not a setting of ingle. These are: ${SETTING_NAMES.join(", ")}.`);
  if (settings.data === undefined) throw new ConfigError('"data" is missing. It must be a folder.');
  return checkSettings(settings, (name) => ({ ...fileOrigin(name, ""), name: `"${name}"`, service_folders: [] }), ["."]);
}

const optionOrigin = (option: string): SettingOrigin => ({
  name: `--${option}`,
  folder: ".",
  write: (value) => `"${shellWords([`--${option}=${value}`])}"`,
});

const variableOrigin = (name: string): SettingOrigin => ({
  name,
  folder: ".",
  write: (value) => `"${name}=${shellWords([value])}"`,
});

const fileOrigin = (name: string, path: string): SettingOrigin => ({
  name: `"${name}" in ${path}`,
  folder: dirname(path),
  service_folders: [homeFolder(), "/"],
  write: (value) => `"${name}": ${name === "store" && value.startsWith("{") ? value : JSON.stringify(value)}`,
});

/** The folders that relative paths may have counted from: npm runs our scripts in the folder of the package, which the launcher leaves. */
function workingFolders({ npm_package_name, npm_package_json }: Variables): string[] {
  return [".", ...(npm_package_name === manifest.name && npm_package_json ? [dirname(npm_package_json)] : [])];
}

function checkSettings(settings: object, originOf: (name: SettingName) => SettingOrigin, working_folders: string[]): Config {
  const result = v.safeParse(SettingsSchema, settings);
  const surroundings = { working_folders, search_path: processEnv.PATH };
  if (result.success)
    return asConfigError(() => withAbsolutePaths({ ...result.output, data: result.output.data! }, originOf, surroundings));
  const { message, param } = toBadRequest(result.issues);
  const [name = ""] = /^\w+/.exec(param!) ?? [];
  // The sentence `"port" is "abc". It must be a number.` gets the name that was written.
  throw new ConfigError(message.replace(/^"[^"]*"/, () => originOf(name as SettingName).name));
}

function asConfigError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof PathError ? new ConfigError(error.message, { cause: error }) : error;
  }
}

const unknownName = (settings: object): string | undefined =>
  Object.keys(settings).find((name) => !Object.hasOwn(SETTINGS, name));

/**
 * Where downloads may come from; the hub's settings are those of Hugging Face's own tools. `for_owner`: only the owner of this account can ask
 * for any.
 */
export function sourceOptions(
  config: Partial<Config> = {},
  env: Variables = processEnv,
  { for_owner = false } = {},
): DownloadOptions {
  const { allow_private = false, offline = false, download_hosts = [] } = config;
  const hub = asConfigError(() => hubOptions(env, for_owner));
  const proxies = readProxies(env);
  return {
    ...hub,
    allow_private,
    offline: offline || hub.offline,
    ...(download_hosts.length > 0 && { download_hosts }),
    ...(proxies && { proxies }),
  };
}

function readConfigFile(flag: string | undefined, env: Variables): { path: string; values: Record<string, unknown> } {
  const named = flag ?? (env.INGLE_CONFIG || undefined);
  const origin = flag === undefined && named !== undefined ? variableOrigin("INGLE_CONFIG") : optionOrigin("config");
  const { folder, earlier } = asConfigError(() => platformFolder("config", named === undefined ? env : {}));
  const usual = { ...origin, name: "The configuration file", earlier: join(earlier, "config.json") };
  const text = named ?? join(folder, "config.json");
  const path = asConfigError(() => readPath(text, named === undefined ? usual : origin, ANYTHING, workingFolders(env)));
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return { path, values: {} };
    throw new ConfigError(`The configuration file ${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  const values = parseObject(path, decodeText(path, bytes));
  const unknown = unknownName(values);
  if (unknown !== undefined) {
    throw new ConfigError(`The configuration file ${path} holds "${unknown}", which is none of: ${SETTING_NAMES.join(", ")}.`);
  }
  return { path, values };
}

/** Editors of Windows begin a file with a byte order mark, which the decoder drops. */
function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(`The configuration file ${path} is not UTF-8. Save it as UTF-8.`);
  }
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
function parseWord(name: SettingName, word: string, written: string): unknown {
  const { kind, ...setting }: Setting = SETTINGS[name];
  // Files that hold one value, and those of variables, end their lines.
  const text = kind === "path" || name === "store" ? word : word.trim();
  if (kind === "number") return /^\d+$/.test(text) ? Number(text) : text;
  if (kind === "list") {
    const parts = splitAtCommas(text);
    // A person who names keys means to keep others out.
    if (parts.length > 0 || setting.scope !== "secret") return parts;
    throw new ConfigError(`${written} holds no ${name}. Write one of at least 16 characters, or leave the setting out.`);
  }
  if (kind === "switch" || kind === "boolean") return readSwitch(text) ?? text;
  return text;
}

export function splitAtCommas(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts.filter(Boolean);
}
