// How a command line may go on, for the scripts of the shells.
import type { ArgsDef, CommandDef } from "citty";
import * as v from "valibot";
import { SETTING_NAMES, SETTINGS, flagOf, type Setting } from "../../server/settings.ts";
import { withApi } from "../api.ts";
import { aliasOf, COMMAND_NAMES, COMMANDS, commandNamed, type CommandName } from "../command-list.ts";
import { forScreen } from "../screen-text.ts";
import { THREAD_ACTIONS } from "../threads/actions.ts";
import { SHELLS } from "./scripts.ts";

/** A word, and what it means. */
type CandidateWord = readonly [word: string, meaning: string];

/** `words`: those behind `ingle` up to the cursor, the last one as far as it is typed. Lines of candidates, each with a tab before its meaning. */
export async function complete(
  words: readonly string[],
  load: (name: CommandName) => Promise<CommandDef<ArgsDef>>,
): Promise<string> {
  const before = words.slice(0, -1);
  const word = (words.at(-1) ?? "").trim();
  const name = before[0] === undefined ? undefined : commandNamed(before[0]);
  const candidates =
    before.length === 0 || before[0] === "help"
      ? commandCandidates()
      : name === undefined
        ? []
        : await candidatesOf(name, (await load(name)).args as ArgsDef, before.slice(1), word);
  return candidates
    .filter(([candidate]) => candidate.startsWith(word) && WORD.test(candidate))
    .map(([candidate, meaning]) => `${candidate}\t${forScreen(meaning).replaceAll(/\s+/g, " ")}\n`)
    .join("");
}

/** What every shell takes as it is. */
const WORD = /^[\w@+=:,./~-]+$/;

const commandCandidates = (): CandidateWord[] =>
  COMMAND_NAMES.flatMap((name) =>
    [name, aliasOf(name) ?? []].flat().map((word): CandidateWord => [word, COMMANDS[name].summary]),
  );

async function candidatesOf(
  name: CommandName,
  args: ArgsDef = {},
  before: readonly string[],
  word: string,
): Promise<CandidateWord[]> {
  const previous = before.at(-1);
  if (previous?.startsWith("--") && takesText(args, previous)) return valuesOf(args, previous.slice(2));
  const [, option] = /^--([\w-]+)=/.exec(word) ?? [];
  if (option !== undefined) return valuesOf(args, option).map(([value, meaning]) => [`--${option}=${value}`, meaning]);
  if (word.startsWith("-")) return optionCandidates(args);
  const typed = before.filter((each, at) => !each.startsWith("-") && !takesText(args, before[at - 1] ?? ""));
  const positional = Object.keys(args).filter((arg) => args[arg]!.type === "positional")[typed.length];
  return positional === undefined ? [] : positionalCandidates(name, positional, typed);
}

const takesText = (args: ArgsDef, flag: string): boolean => args[flag.slice(2)]?.type === "string" && !flag.includes("=");

function optionCandidates(args: ArgsDef): CandidateWord[] {
  return Object.entries(args).flatMap(([arg, definition]): CandidateWord[] => {
    if (definition.type === "positional") return [];
    const opposite = "negativeDescription" in definition ? definition.negativeDescription : undefined;
    return [[`--${arg}`, definition.description ?? ""], ...(opposite ? [[`--no-${arg}`, opposite] as const] : [])];
  });
}

/** The words that an option takes; none where it takes any. */
function valuesOf(args: ArgsDef, option: string): CandidateWord[] {
  const definition = args[option];
  const hint = definition !== undefined && "valueHint" in definition ? definition.valueHint : undefined;
  if (hint?.includes("|")) return hint.split("|").map((value) => [value, ""]);
  const setting = SETTING_NAMES.find((name) => flagOf(name) === option);
  const schema = setting && (SETTINGS[setting] as Setting).schema;
  const inner = schema?.type === "optional" ? (schema as v.OptionalSchema<v.GenericSchema, unknown>).wrapped : undefined;
  return inner?.type === "picklist" ? (inner as v.PicklistSchema<string[], undefined>).options.map((value) => [value, ""]) : [];
}

async function positionalCandidates(name: CommandName, positional: string, typed: readonly string[]): Promise<CandidateWord[]> {
  if (positional === "shell") return SHELLS.map((shell) => [shell, ""]);
  if (name === "threads")
    return positional === "action" ? THREAD_ACTIONS.map((action) => [action, ""]) : typed[0] === "list" ? [] : threadCandidates();
  if (name === "engine") return [[positional === "action" ? "build" : "llama-server", ""]];
  return (positional === "id" && name !== "add") || positional === "model" ? modelCandidates(name === "pull") : [];
}

/** The models that are here; or those that are not. */
async function modelCandidates(elsewhere: boolean): Promise<CandidateWord[]> {
  const { data } = await ask<{ data: { id: string; name: string; state: string }[] }>("/v1/models?catalog=true");
  return data.filter(({ state }) => (state === "available") === elsewhere).map(({ id, name }) => [id, name === id ? "" : name]);
}

async function threadCandidates(): Promise<CandidateWord[]> {
  const { data } = await ask<{ data: { id: string; title: string }[] }>("/v1/threads?limit=100");
  return data.map(({ id, title }) => [id, title]);
}

async function ask<T>(path: string): Promise<T> {
  const answer = Promise.withResolvers<T>();
  await withApi({}, { command: "complete", reads: true }, async (api) => answer.resolve(await api.json<T>(path)));
  return answer.promise;
}
