// A conversation in the terminal: questions are typed, and each is asked with what was said before, as far as the context holds it.
import { createInterface } from "node:readline/promises";
import { standardOutput } from "../../server/standard-streams.ts";
import { CliError, RefusedError } from "../error.ts";
import { printNote, unwritable } from "../print.ts";
import type { StreamedAnswer } from "./stream-answer.ts";

export type TypedMessage = { role: "system" | "user" | "assistant"; content: string };
export type AnswerMessages = (messages: TypedMessage[], signal: AbortSignal) => Promise<StreamedAnswer>;

/**
 * Ctrl-C stops an answer; between two answers it leaves, as Ctrl-D and /bye do. `said` is what comes before the first question. Throws
 * `CliError` where the first question is refused for another reason than its length, or nothing can be asked or shown any more.
 */
export async function converse(ask: AnswerMessages, said: readonly TypedMessage[]): Promise<void> {
  printNote("Ctrl-C stops an answer, a second one leaves.");
  printNote("/clear forgets what was said, /bye leaves.");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const leave = new AbortController();
  let answering: AbortController | undefined;
  terminal.on("SIGINT", () => (answering ?? leave).abort());
  terminal.on("close", () => leave.abort());
  // What is typed is shown on standard output too.
  process.stdout.on("error", (cause) => leave.abort(unwritable(cause)));
  let messages = [...said];
  try {
    while (!leave.signal.aborted) {
      const content = await terminal.question("> ", { signal: leave.signal });
      const word = content.trim();
      if (word === "/bye") return;
      if (word === "/clear") messages = [...said];
      if (word === "/clear" || word === "") continue;
      answering = new AbortController();
      messages = await askAlong(ask, [...messages, { role: "user", content }], answering.signal);
      answering = undefined;
    }
  } catch (error) {
    if (!leave.signal.aborted) throw error;
    standardOutput.write("\n");
  } finally {
    terminal.close();
  }
  if (leave.signal.reason instanceof CliError) throw leave.signal.reason;
}

/**
 * Asks the last of `messages`, and answers with what the conversation holds then. Where it has outgrown its context, its oldest questions are
 * left out with their answers; a question that is refused even so is as if it had not been asked.
 */
async function askAlong(ask: AnswerMessages, messages: TypedMessage[], signal: AbortSignal): Promise<TypedMessage[]> {
  for (let kept = messages; ;) {
    try {
      const { text, cut } = await ask(kept, signal);
      const left_out = messages.length - kept.length;
      if (left_out > 0) printNote(`The context is full: the oldest ${left_out} messages are left out. /clear forgets all.`);
      if (cut) printNote("The answer was cut: it had all the tokens of --max-tokens, or the context is full.");
      return [...kept, { role: "assistant", content: text }];
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const is_too_long = error.code === "context_length_exceeded";
      const shorter = is_too_long ? withoutOldest(kept, error) : undefined;
      // A conversation that goes on already is not given up for what the next question may mend.
      if (shorter === undefined && !is_too_long && !messages.some(({ role }) => role === "assistant")) throw error;
      if (shorter === undefined) {
        printNote(error.message);
        return messages.slice(0, -1);
      }
      kept = shorter;
    }
  }
}

/** How full the context is to be: with less left out, each further question would leave out more, and have all be read anew. */
const FILL = 0.5;

/** Without at least one of the oldest questions and its answer; undefined where only the last question is left. */
function withoutOldest(messages: TypedMessage[], { n_prompt_tokens, n_ctx }: RefusedError): TypedMessage[] | undefined {
  const first = messages.findIndex(({ role }) => role === "user");
  const [before, turns] = [messages.slice(0, first), messages.slice(first)];
  if (turns.length < 3) return undefined;
  const share = n_prompt_tokens === undefined || n_ctx === undefined ? 1 : (FILL * n_ctx) / n_prompt_tokens;
  const most = share * lengthOf(messages);
  let dropped = 2;
  while (turns.length - dropped >= 3 && lengthOf([...before, ...turns.slice(dropped)]) > most) dropped += 2;
  return [...before, ...turns.slice(dropped)];
}

const lengthOf = (messages: readonly TypedMessage[]): number => messages.reduce((sum, { content }) => sum + content.length, 0);
