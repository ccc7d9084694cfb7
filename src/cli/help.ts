// The help: all commands in their groups, or one of them with its options. It fits the width of the terminal.
import type { ArgsDef } from "citty";
import { wrapAnsi } from "fast-wrap-ansi";
import manifest from "../../package.json" with { type: "json" };
import { standardOutput } from "../server/standard-streams.ts";
import { aliasOf, COMMAND_NAMES, COMMANDS, type CommandName } from "./command-list.ts";
import { asCalled, INVOCATION } from "./invocation.ts";

/** A term and what it means. */
type HelpRow = readonly [term: string, meaning: string];

/** An option that a variable of the environment can set too. */
interface ArgOfSetting {
  variable?: string;
}

const ENVIRONMENT: HelpRow[] = [
  ["INGLE_DATA", "The data folder, as --data names it. Each other setting has such a name too: INGLE_PORT is --port."],
  ["INGLE_CONFIG", "The configuration file, as --config names it."],
  ["INGLE_RUNTIME", "bun, node or deno: what runs ingle."],
  ["HF_TOKEN", "Token for closed repositories of Hugging Face; HF_ENDPOINT names a mirror."],
  ["HTTPS_PROXY", "The proxy of downloads; NO_PROXY names the hosts that need none."],
  ["NO_COLOR", "Set it, and nothing is coloured."],
];

const EXAMPLES: [CommandName, string][] = [
  ["run", COMMANDS.run.examples[0]],
  ["list", "--catalog"],
  ["serve", COMMANDS.serve.examples[1]],
];

const WIDEST = 100;
const GAP = 2;
/** A longer term has its meaning below it. */
const LONGEST_TERM = 26;

/** All commands. */
export function overview(): string {
  const groups = Object.groupBy(COMMAND_NAMES, (name) => COMMANDS[name].group);
  return [
    paragraph(`ingle ${manifest.version}: ${manifest.description}`),
    usage("COMMAND [OPTIONS]"),
    ...Object.entries(groups).map(([title, names]) => section(title, names.map(rowOfCommand))),
    examples(EXAMPLES),
    section("Environment", ENVIRONMENT),
    paragraph(`"${INVOCATION} help COMMAND" lists the options of a command.`),
  ].join("\n\n");
}

/** One command, whose `args` are given. */
export function helpOf(name: CommandName, args: ArgsDef): string {
  const entries = Object.entries(args);
  const positionals = entries.filter(([, { type }]) => type === "positional");
  const options = entries.filter(([, { type }]) => type !== "positional");
  const words = positionals.map(([arg, { required, default: usual }]) =>
    required === false || usual !== undefined ? `[${arg.toUpperCase()}]` : arg.toUpperCase(),
  );
  const own = COMMANDS[name].examples.map((example): [CommandName, string] => [name, example]);
  return [
    paragraph(COMMANDS[name].summary),
    usage([name, ...words, ...(options.length > 0 ? ["[OPTIONS]"] : [])].join(" ")),
    ...(positionals.length > 0 ? [section("Arguments", positionals.map(rowOfPositional))] : []),
    ...(options.length > 0 ? [section("Options", options.flatMap(rowsOfOption))] : []),
    examples(own),
  ].join("\n\n");
}

function rowOfCommand(name: CommandName): HelpRow {
  const alias = aliasOf(name);
  return [alias === undefined ? name : `${name}, ${alias}`, COMMANDS[name].summary];
}

function rowOfPositional([arg, { description = "", default: usual }]: [string, ArgsDef[string]]): HelpRow {
  return [arg.toUpperCase(), usual === undefined ? description : `${description} (${String(usual)})`];
}

function rowsOfOption([arg, definition]: [string, ArgsDef[string] & ArgOfSetting]): HelpRow[] {
  const { description = "", variable } = definition;
  const named = variable === undefined ? description : `${description} [${variable}]`;
  if (definition.type !== "boolean") {
    const hint = "valueHint" in definition && definition.valueHint ? definition.valueHint : arg;
    return [[`--${arg}=${/[|=]/.test(hint) ? hint : hint.toUpperCase()}`, named]];
  }
  const opposite = "negativeDescription" in definition ? definition.negativeDescription : undefined;
  return [
    [`--${arg}`, opposite ? description : named],
    ...(opposite ? [[`--no-${arg}`, `${opposite}${variable ? ` [${variable}]` : ""}`] as HelpRow] : []),
  ];
}

const usage = (words: string): string => `${title("Usage:")} ${INVOCATION} ${words}`;

const examples = (lines: [CommandName, string][]): string =>
  [title("Examples"), ...lines.map(([name, words]) => `  ${INVOCATION} ${name} ${words}`.trimEnd())].join("\n");

function section(name: string, rows: HelpRow[]): string {
  const terms = Math.min(LONGEST_TERM, Math.max(...rows.map(([term]) => term.length)));
  const below = width() < 2 * terms;
  const indent = below ? 6 : GAP + terms + GAP;
  const lines = rows.flatMap(([term, meaning]) => {
    const [first = "", ...rest] = wrapAnsi(asCalled(meaning), Math.max(20, width() - indent)).split("\n");
    const beside = !below && term.length <= terms;
    const head = `  ${beside ? term.padEnd(terms + GAP) + first : term}`;
    return [head, ...(beside ? rest : [first, ...rest]).map((line) => " ".repeat(indent) + line)];
  });
  return [title(name), ...lines].join("\n");
}

const width = (): number => Math.min(standardOutput.columns ?? WIDEST, WIDEST);
const paragraph = (text: string): string => wrapAnsi(text, width());
const title = (text: string): string => (standardOutput.hasColors ? `\u001b[1m${text}\u001b[22m` : text);
