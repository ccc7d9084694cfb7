// The command line: finds the command, checks its words, and turns an error into one sentence and an exit code.
import { argv } from "node:process";
import { runCommand, type ArgsDef, type CommandDef } from "citty";
import manifest from "../package.json" with { type: "json" };
import { checkArguments, didYouMean } from "./cli/arguments.ts";
import { commandNamed, commandWords, type CommandName } from "./cli/command-list.ts";
import { CliError } from "./cli/error.ts";
import { fail, print } from "./cli/print.ts";
import { ConfigError } from "./server/config-error.ts";

type Command = CommandDef<ArgsDef>;

/** The processes that a server starts. */
const HIDDEN = ["engine-host", "prompt-host"] as const;
type HiddenCommand = (typeof HIDDEN)[number];

// A command is loaded when it is called: `ingle --version` and `ingle --help` need none of them.
const LOADERS: Record<CommandName | HiddenCommand, () => Promise<{ default: unknown }>> = {
  serve: () => import("./cli/serve.ts"),
  run: () => import("./cli/run.ts"),
  search: () => import("./cli/search.ts"),
  threads: () => import("./cli/threads.ts"),
  pull: () => import("./cli/pull.ts"),
  adopt: () => import("./cli/adopt.ts"),
  add: () => import("./cli/add.ts"),
  list: () => import("./cli/list.ts"),
  ps: () => import("./cli/ps.ts"),
  show: () => import("./cli/show.ts"),
  set: () => import("./cli/set.ts"),
  rm: () => import("./cli/rm.ts"),
  check: () => import("./cli/check.ts"),
  import: () => import("./cli/import.ts"),
  doctor: () => import("./cli/doctor.ts"),
  openapi: () => import("./cli/openapi.ts"),
  service: () => import("./cli/service.ts"),
  engine: () => import("./cli/engine.ts"),
  "engine-host": () => import("./cli/engine-host.ts"),
  "prompt-host": () => import("./cli/prompt-host.ts"),
};

const ASKING = ["--help", "-h"];

async function main([first, ...rest]: string[]): Promise<void> {
  if (first === "--version" || first === "-v") return print(manifest.version);
  if (first === undefined || ASKING.includes(first)) return printHelp();
  if (first === "help") return printHelp(rest[0]);
  const hidden = HIDDEN.find((name) => name === first);
  const name = hidden ?? commandOf(first);
  const options = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (!hidden && options.some((word) => ASKING.includes(word))) return printHelp(name);
  const command = await loadCommand(name);
  checkArguments(name, command.args as ArgsDef, rest);
  await runCommand(command, { rawArgs: rest }).catch((error: Error) => {
    // An error of citty itself is about a missing argument.
    if (error.name !== "CLIError") throw error;
    throw new CliError(`${error.message}. "ingle ${name} --help" says what it takes.`, 2);
  });
}

async function loadCommand(name: CommandName | HiddenCommand): Promise<Command> {
  return (await LOADERS[name]()).default as Command;
}

function commandOf(word: string): CommandName {
  const name = commandNamed(word);
  if (name !== undefined) return name;
  throw new CliError(
    `"${word}" is not a command of ingle.${didYouMean(word, [...commandWords(), "help"])} "ingle --help" lists them.`,
    2,
  );
}

async function printHelp(word?: string): Promise<void> {
  const { helpOf, overview } = await import("./cli/help.ts");
  if (word === undefined) return print(overview());
  const name = commandOf(word);
  return print(helpOf(name, ((await loadCommand(name)).args ?? {}) as ArgsDef));
}

try {
  await main(argv.slice(2));
} catch (error) {
  if (error instanceof CliError) fail(error);
  else fail(new CliError((error as Error).message, error instanceof ConfigError ? 2 : 1));
}
