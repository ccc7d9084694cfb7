// The command line: finds the command, checks its flags, and turns whatever it throws into one sentence and an exit code.
import { argv } from "node:process";
import { defineCommand, renderUsage, runCommand, type ArgsDef, type CommandDef } from "citty";
import manifest from "../package.json" with { type: "json" };
import { CliError } from "./cli/error.ts";
import { ConfigError } from "./config.ts";

type Command = CommandDef<ArgsDef>;

// Each is loaded when it is called: `ingle --version` needs none of them.
const COMMANDS: Record<string, () => Promise<{ default: unknown }>> = {
  serve: () => import("./cli/serve.ts"),
  run: () => import("./cli/run.ts"),
  pull: () => import("./cli/pull.ts"),
  list: () => import("./cli/list.ts"),
  rm: () => import("./cli/rm.ts"),
  "engine-host": () => import("./cli/engine-host.ts"),
};

const ingle = defineCommand({
  meta: { name: "ingle", version: manifest.version, description: manifest.description },
  subCommands: Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, () => command(name)])),
});

async function command(name: string): Promise<Command> {
  return (await COMMANDS[name]!()).default as Command;
}

async function main([first, ...rest]: string[]): Promise<void> {
  if (first === "--version" || first === "-v") return console.log(manifest.version);
  if (first === undefined || first === "--help" || first === "-h" || first === "help")
    return console.log(await renderUsage(ingle));
  if (!Object.hasOwn(COMMANDS, first)) {
    throw new CliError(`"${first}" is no command of ingle. "ingle --help" lists them.`, 2);
  }
  const chosen = await command(first);
  if (rest.includes("--help") || rest.includes("-h")) return console.log(await renderUsage(chosen, ingle as Command));
  checkFlags(first, chosen.args as ArgsDef, rest);
  await runCommand(chosen, { rawArgs: rest });
}

/** citty takes any flag; one that nobody reads is a mistake that the person should hear of. */
function checkFlags(name: string, args: ArgsDef = {}, words: string[]): void {
  const known = Object.entries(args).flatMap(([arg, { type }]) => {
    if (type === "positional") return [];
    return type === "boolean" ? [`--${arg}`, `--no-${arg}`] : [`--${arg}`];
  });
  const end = words.indexOf("--");
  words.slice(0, end < 0 ? undefined : end).forEach((word, i) => {
    if (!word.startsWith("-") || word === "-") return;
    const [flag = "", value] = word.split("=", 2);
    if (!known.includes(flag)) {
      throw new CliError(`"${flag}" is no option of "ingle ${name}". "ingle ${name} --help" lists them.`, 2);
    }
    const takesValue = args[flag.slice(2)]?.type === "string";
    const next = words[i + 1];
    if (takesValue && value === undefined && (next === undefined || next.startsWith("--"))) {
      throw new CliError(`"${flag}" needs a value, as in "${flag}=VALUE".`, 2);
    }
  });
}

try {
  await main(argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  if (error instanceof CliError) process.exitCode = error.exit_code;
  // citty's own errors are about words that are missing.
  else process.exitCode = error instanceof ConfigError || (error as Error).name === "CLIError" ? 2 : 1;
}
