// The words behind a command. citty ignores unknown options and surplus words; here each is an error, and says what may have been meant.
import type { ArgsDef } from "citty";
import { closestMatch } from "leven";
import { CliError } from "./error.ts";

/** Throws `CliError`. `name`: of the command, whose options are `args`. */
export function checkArguments(name: string, args: ArgsDef = {}, words: readonly string[]): void {
  const known = optionsOf(args);
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
      const meant = didYouMean(flag, known);
      throw new CliError(`"${flag}" is not an option of "ingle ${name}".${meant} "ingle ${name} --help" lists them.`, 2);
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
  const most = positionals.some((arg) => args[arg]!.valueHint === "…") ? Infinity : positionals.length;
  if (most > 0 && plain[0] === "")
    throw new CliError(`${positionals[0]!.toUpperCase()} is "". It names nothing. "ingle ${name} --help" says what it takes.`, 2);
  if (plain.length <= most) return;
  const surplus = `"ingle ${name}" does not know what to do with "${plain[most]}".`;
  throw new CliError(`${surplus} Put quotes around what belongs together.`, 2);
}

/** The options of a command as they are written: `--json`, `--no-json`. */
function optionsOf(args: ArgsDef): string[] {
  return Object.entries(args).flatMap(([arg, { type }]) => {
    if (type === "positional") return [];
    return type === "boolean" ? [`--${arg}`, `--no-${arg}`] : [`--${arg}`];
  });
}

/** ` Did you mean "serve"?`, with the one of `candidates` that is nearest; empty where none is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  // Two letters in the wrong order are two changes. Of a word of three letters they would leave little.
  const most = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
  const meant = closestMatch(word, candidates, { maxDistance: most });
  return meant === undefined ? "" : ` Did you mean "${meant}"?`;
}
