// What a line that begins with a slash does in a conversation.
import { didYouMean } from "../arguments.ts";
import { columns } from "../columns.ts";
import { RefusedError } from "../error.ts";
import { printNote } from "../print.ts";
import type { EngineRow } from "../../inference/engine-row.ts";
import { loadModel, type Session } from "./session.ts";
import { rateOf, type StreamedAnswer } from "./stream-answer.ts";

interface SlashCommand {
  /** As the help writes it. */
  usage: string;
  does: string;
  /** `rest`: what stands behind it. */
  perform(session: Session, rest: string): void | Promise<void>;
}

const NOTHING = "none";

const SLASH_COMMANDS: SlashCommand[] = [
  { usage: "/help", does: "says this", perform: () => printNote(columns(HELP)) },
  { usage: "/model [ID]", does: "says which model answers, or takes another one", perform: changeModel },
  {
    usage: "/system [TEXT]",
    does: `says the system message, or sets it; "/system ${NOTHING}" takes it away`,
    perform(session, rest) {
      if (rest !== "") session.system = rest === NOTHING ? undefined : rest;
      printNote(session.system === undefined ? "There is no system message." : `The system message is: ${session.system}`);
    },
  },
  {
    usage: "/clear",
    does: "forgets what was said, but not the system message",
    perform: (session) => void (session.messages = []),
  },
  { usage: "/stats", does: "says how many tokens there were, and how fast", perform: printStats },
  { usage: "/bye", does: "leaves, as Ctrl-D does", perform: () => {} },
];

const HELP = [
  ...SLASH_COMMANDS.map(({ usage, does }) => [usage, does]),
  ["\\", "at the end of a line: the question goes on"],
  ['"""', "begins and ends a question of several lines"],
  ["Ctrl-C", "stops an answer, a second one leaves"],
];

const nameOf = ({ usage }: SlashCommand): string => usage.split(" ")[0]!;

/** Whether the line is a command, which has been performed then. A path begins with a slash too, and is none. */
export async function performSlashCommand(session: Session, line: string): Promise<boolean> {
  const [, name, rest = ""] = /^(\/[a-z]+)(?:\s+([^]*))?$/.exec(line) ?? [];
  if (name === undefined) return false;
  const command = SLASH_COMMANDS.find((each) => nameOf(each) === name);
  if (command !== undefined) await command.perform(session, rest.trim());
  else printNote(`"${name}" is no command of a conversation.${didYouMean(name, SLASH_COMMANDS.map(nameOf))} /help lists them.`);
  return true;
}

/** How a line that begins with a slash may go on. */
export const completeWord = (line: string): string[] =>
  line.startsWith("/") ? SLASH_COMMANDS.map(nameOf).filter((name) => name.startsWith(line)) : [];

async function changeModel(session: Session, id: string): Promise<void> {
  try {
    if (id !== "") await loadModel(session.api, id);
    session.model = id || session.model;
    printNote(`${session.model} answers.`);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    printNote(error.message);
  }
}

async function printStats({ api, model, messages, answers }: Session): Promise<void> {
  const { data } = await api.json<{ data: EngineRow[] }>("/v1/ps");
  const context = data.find(({ id }) => id === model)?.context_length;
  const last = answers.at(-1);
  const counted = answers.filter(({ usage }) => usage !== undefined);
  const sum = (of: (answer: StreamedAnswer) => number): number => counted.reduce((total, answer) => total + of(answer), 0);
  const rows: [string, string | undefined][] = [
    ["Model", model],
    ["Messages", String(messages.length)],
    ["Context", contextOf(last, context ?? undefined)],
    ["Last answer", last && describeAnswer(last)],
    [
      "All answers",
      counted.length > 1 ? `${sum(({ usage }) => usage!.completion_tokens)} tokens in ${counted.length}` : undefined,
    ],
  ];
  printNote(columns(rows.filter((row): row is [string, string] => row[1] !== undefined)));
}

function contextOf(last: StreamedAnswer | undefined, context: number | undefined): string | undefined {
  const used = last?.usage && last.usage.prompt_tokens + last.usage.completion_tokens;
  if (used === undefined) return context === undefined ? undefined : `${context} tokens`;
  return context === undefined ? `${used} tokens` : `${used} of ${context} tokens`;
}

function describeAnswer(answer: StreamedAnswer): string | undefined {
  const { usage, first_ms } = answer;
  if (usage === undefined) return undefined;
  const rate = rateOf(answer);
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = usage;
  const cached = prompt_tokens_details?.cached_tokens ?? 0;
  return [
    `${completion_tokens} tokens`,
    ...(rate === undefined ? [] : [`${rate.toFixed(1)} tokens/s`]),
    `the first after ${(first_ms / 1000).toFixed(1)} s`,
    `${cached} of ${prompt_tokens} before it were read already`,
  ].join(", ");
}
