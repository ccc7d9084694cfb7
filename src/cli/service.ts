// `ingle service`: the file with which a service manager starts this server with the given settings.
import { join } from "node:path";
import { defineCommand, type ArgsDef } from "citty";
import { cacheFolder } from "../../adapters/llama-server/build/cached-build.ts";
import { absoluteFolder, absolutePath, homeFolder } from "../../models/absolute-path.ts";
import { readConfig } from "../server/read-config.ts";
import { flagOf, SETTING_NAMES, SETTINGS, type Config, type Setting } from "../server/settings.ts";
import { findRuntime } from "../launch/runtimes.mjs";
import { CARRIED } from "../executable/carried.ts";
import { pathOfStore } from "../storage/store-path.ts";
import { CliError } from "./error.ts";
import { pathArgument } from "./path-argument.ts";
import { print } from "./print.ts";
import { settingsOf } from "./setting-args.ts";
import serve, { STOP_MS } from "./serve.ts";
import { launchdPlist } from "./service/launchd.ts";
import { SYSTEM_CACHE, SYSTEM_DATA, type ServiceSetup } from "./service/setup.ts";
import { systemdUnit } from "./service/systemd.ts";

/** What a service manager waits beyond `STOP_MS` before it kills the server, in milliseconds. */
const SPARE_MS = 7_000;

const settings: [option: string, Setting][] = SETTING_NAMES.map((name) => [flagOf(name), SETTINGS[name]]);
const SECRETS = new Set(settings.filter(([, { scope }]) => scope === "secret").map(([option]) => option));
const PATHS = new Set(["store", ...settings.filter(([, { kind }]) => kind === "path").map(([option]) => option)]);

/** All that `serve` takes except secrets: every user of the machine can read a command line. */
const SERVE_ARGS = Object.fromEntries(Object.entries(serve.args as ArgsDef).filter(([option]) => !SECRETS.has(option)));

type OptionValues = Record<string, string | boolean | undefined>;

export default defineCommand({
  args: {
    ...SERVE_ARGS,
    system: { type: "boolean", description: "For the whole machine, with a user of its own, instead of for yourself" },
    secrets: { type: "string", description: "File with keys and tokens, NAME=value a line", valueHint: "file" },
  } satisfies ArgsDef,
  run({ args }) {
    if (process.platform === "win32")
      throw new CliError('There is no unit for Windows. Let its Task Scheduler run "ingle serve" at logon.');
    const { system = false, secrets, ...given } = args as OptionValues;
    const setup = setupOf(given, system === true, secrets as string | undefined);
    print(process.platform === "darwin" ? launchdPlist(setup) : systemdUnit(setup));
  },
});

/** Throws `ConfigError` for what the server would refuse. */
function setupOf(given: OptionValues, system: boolean, secrets: string | undefined): ServiceSetup {
  const settings = settingsOf(given);
  if (system) settings.data ??= SYSTEM_DATA;
  // Without the environment of this terminal, which the service does not see.
  const config = readConfig(settings, { XDG_DATA_HOME: process.env.XDG_DATA_HOME });
  const flags = optionWords(given, config);
  const folders = system ? SYSTEM_FOLDERS : userFolders();
  return {
    command: [...ownCommand(), "serve", ...flags.filter((flag) => !flag.startsWith("--data=")), `--data=${config.data}`],
    env: { ...folders.env, NODE_COMPILE_CACHE: join(folders.cache, "node") },
    writes: [config.data, folders.cache, ...storeFolders(config)],
    secrets: secrets === undefined ? join(folders.config, "service.env") : pathArgument(secrets, "--secrets"),
    unseen: Object.keys(process.env).filter((name) => /^(INGLE_(?!CALLED_AS)|HF_)/.test(name)),
    system,
    stop_s: Math.ceil((STOP_MS + SPARE_MS) / 1000),
    words: ["service", ...(system ? ["--system"] : []), ...(secrets ? [`--secrets=${secrets}`] : []), ...flags],
  };
}

const SYSTEM_FOLDERS = {
  cache: join(SYSTEM_CACHE, "ingle"),
  config: "/etc/ingle",
  env: { HOME: SYSTEM_DATA, XDG_CACHE_HOME: SYSTEM_CACHE, XDG_CONFIG_HOME: "/etc" },
};

function userFolders() {
  const env = Object.fromEntries(
    (["XDG_CACHE_HOME", "XDG_CONFIG_HOME"] as const).flatMap((name) => {
      const folder = process.env[name];
      return folder ? [[name, absoluteFolder(folder, name)]] : [];
    }),
  );
  return { cache: cacheFolder(env), config: join(env.XDG_CONFIG_HOME ?? join(homeFolder(), ".config"), "ingle"), env };
}

/** The options again as words of a command line, with absolute paths: a service starts in another folder. */
function optionWords(given: OptionValues, config: Config): string[] {
  return Object.entries(SERVE_ARGS).flatMap(([name, { type }]) => {
    const value = given[name];
    if (value === undefined) return [];
    if (type === "boolean") return [value ? `--${name}` : `--no-${name}`];
    if (name === "config") return [`--config=${absolutePath(String(value), "--config")}`];
    return [`--${name}=${PATHS.has(name) ? String(config[name.replaceAll("-", "_") as keyof Config]) : value}`];
  });
}

/** The folder of a store that is not the data folder. */
function storeFolders({ store }: Config): string[] {
  const folder = pathOfStore(store);
  return folder === undefined ? [] : [folder];
}

/** The command that runs now: an executable, or a runtime with its script. */
function ownCommand(): string[] {
  if (CARRIED !== undefined) return [process.execPath];
  const { bun, deno } = process.versions;
  const [, ...flags] = findRuntime(bun ? "bun" : deno ? "deno" : "node") ?? [""];
  return [process.execPath, ...flags, process.argv[1]!];
}
