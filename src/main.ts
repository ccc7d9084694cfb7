// The command line: finds the command, checks its flags, and turns an error into one sentence and an exit code.
import { argv } from "node:process";
import { stripVTControlCharacters } from "node:util";
import { defineCommand, renderUsage, runCommand, type ArgsDef, type CommandDef } from "citty";
import manifest from "../package.json" with { type: "json" };
import { CliError } from "./cli/error.ts";
import { fail, print } from "./cli/print.ts";
import { standardOutput } from "./server/standard-streams.ts";
import { ConfigError } from "./server/config-error.ts";

type Command = CommandDef<ArgsDef>;

// A command is loaded when it is called: `ingle --version` needs none of them.
const COMMANDS: Record<string, () => Promise<{ default: unknown }>> = {
  serve: () => import("./cli/serve.ts"),
  run: () => import("./cli/run.ts"),
  pull: () => import("./cli/pull.ts"),
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

const ingle = defineCommand({
  meta: { name: "ingle", version: manifest.version, description: manifest.description },
  subCommands: Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, () => loadCommand(name)])),
});

async function loadCommand(name: string): Promise<Command> {
  return (await COMMANDS[name]!()).default as Command;
}

async function main([first, ...rest]: string[]): Promise<void> {
  if (first === "--version" || first === "-v") return print(manifest.version);
  if (first === undefined || first === "--help" || first === "-h" || first === "help") return printUsage(ingle);
  if (!Object.hasOwn(COMMANDS, first)) {
    throw new CliError(`"${first}" is not a command of ingle. "ingle --help" lists them.`, 2);
  }
  const chosen = await loadCommand(first);
  if (rest.includes("--help") || rest.includes("-h")) return printUsage(chosen, ingle as Command);
  checkArguments(first, chosen.args as ArgsDef, rest);
  await runCommand(chosen, { rawArgs: rest }).catch((error: Error) => {
    // An error of citty itself is about a missing argument.
    if (error.name !== "CLIError") throw error;
    throw new CliError(`${error.message}. "ingle ${first} --help" says what it takes.`, 2);
  });
}

/** citty colours its text for every output; only a terminal is to get colours. */
async function printUsage(...command: [Command, Command?]): Promise<void> {
  const text = await renderUsage(...command);
  print(standardOutput.isTTY ? text : stripVTControlCharacters(text));
}

/** citty ignores unknown options and surplus words; here each is an error. */
function checkArguments(name: string, args: ArgsDef = {}, words: string[]): void {
  const known = Object.entries(args).flatMap(([arg, { type }]) => {
    if (type === "positional") return [];
    return type === "boolean" ? [`--${arg}`, `--no-${arg}`] : [`--${arg}`];
  });
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const plain: string[] = [];
  for (let i = 0; i < end; i++) {
    const word = words[i]!;
    if (!word.startsWith("-") || word === "-") {
      plain.push(word);
      continue;
    }
    const [flag = "", value] = word.split("=", 2);
    if (!known.includes(flag)) {
      throw new CliError(`"${flag}" is not an option of "ingle ${name}". "ingle ${name} --help" lists them.`, 2);
    }
    const takesText = args[flag.slice(2)]?.type === "string";
    if (!takesText && value !== undefined && (flag.startsWith("--no-") || !/^(true|false)$/.test(value)))
      throw new CliError(`"${flag}" is a switch. Leave out "=${value}".`, 2);
    if (!takesText || value !== undefined) continue;
    const next = words[++i];
    if (next === undefined || next.startsWith("--")) {
      throw new CliError(`"${flag}" needs a value, as in "${flag}=VALUE".`, 2);
    }
  }
  plain.push(...words.slice(end + 1));
  const positionals = Object.keys(args).filter((arg) => args[arg]!.type === "positional");
  const most = positionals.length;
  if (most > 0 && plain[0] === "")
    throw new CliError(`${positionals[0]!.toUpperCase()} is "". It names nothing. "ingle ${name} --help" says what it takes.`, 2);
  if (plain.length <= most) return;
  const surplus = `"ingle ${name}" does not know what to do with "${plain[most]}".`;
  throw new CliError(`${surplus} Put quotes around what belongs together.`, 2);
}

try {
  await main(argv.slice(2));
} catch (error) {
  if (error instanceof CliError) fail(error);
  else fail(new CliError((error as Error).message, error instanceof ConfigError ? 2 : 1));
}
