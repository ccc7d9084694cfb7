// The command line: finds the command, checks its words, and turns an error into one sentence and an exit code.
import { argv } from "node:process";
import { runCommand, type ArgsDef, type CommandDef } from "citty";
import manifest from "../../package.json" with { type: "json" };
import { checkArguments, didYouMean } from "./arguments.ts";
import { commandNamed, commandWords, type CommandName } from "./command-list.ts";
import { CliError } from "./error.ts";
import { fail, print } from "./print.ts";
import { standardOutput } from "../server/standard-streams.ts";
import { ConfigError } from "../server/config-error.ts";

type Command = CommandDef<ArgsDef>;

/** The processes that a server starts. */
const HIDDEN = ["engine-host", "prompt-host"] as const;
type HiddenCommand = (typeof HIDDEN)[number];

// A command is loaded when it is called: `ingle --version` and `ingle --help` need none of them.
const LOADERS: Record<CommandName | HiddenCommand, () => Promise<{ default: unknown }>> = {
  serve: () => import("./serve.ts"),
  run: () => import("./run.ts"),
  search: () => import("./search.ts"),
  threads: () => import("./threads.ts"),
  pull: () => import("./pull.ts"),
  adopt: () => import("./adopt.ts"),
  add: () => import("./add.ts"),
  list: () => import("./list.ts"),
  ps: () => import("./ps.ts"),
  stop: () => import("./stop.ts"),
  show: () => import("./show.ts"),
  set: () => import("./set.ts"),
  rm: () => import("./rm.ts"),
  check: () => import("./check.ts"),
  import: () => import("./import.ts"),
  doctor: () => import("./doctor.ts"),
  openapi: () => import("./openapi.ts"),
  service: () => import("./service.ts"),
  completion: () => import("./completion.ts"),
  update: () => import("./update.ts"),
  engine: () => import("./engine.ts"),
  "engine-host": () => import("./engine-host.ts"),
  "prompt-host": () => import("./prompt-host.ts"),
};

/** What the scripts of shells call: `ingle complete -- WORDS`. */
const COMPLETE = "complete";

const ASKING = ["--help", "-h"];

async function main([first, ...rest]: string[]): Promise<void> {
  if (first === "--version" || first === "-v") return print(manifest.version);
  if (first === undefined || ASKING.includes(first)) return printHelp();
  if (first === "help") return printHelp(rest[0]);
  if (first === COMPLETE) {
    const { complete } = await import("./completion/complete.ts");
    return void standardOutput.write(await complete(rest.slice(rest.indexOf("--") + 1), loadCommand));
  }
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
  const { helpOf, overview } = await import("./help.ts");
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
