// A conversation in the terminal: questions are typed, and each is asked with what was said before.
import { standardOutput } from "../../server/standard-streams.ts";
import { RefusedError } from "../error.ts";
import { printNote } from "../print.ts";
import { dim } from "./answer-view.ts";
import type { History } from "./history.ts";
import type { ImagePart } from "./images.ts";
import { openKeyboard, type Keyboard } from "./keyboard.ts";
import { withoutOldest } from "./oldest-messages.ts";
import { completeWord, performSlashCommand } from "./slash-commands.ts";
import { loadModel, questionOf, withSystem, type Session, type TypedMessage } from "./session.ts";
import { rateOf, streamAnswer, type StreamedAnswer } from "./stream-answer.ts";

export interface ConversationOptions extends Pick<Session, "api" | "model" | "system"> {
  /** What was said before. */
  messages?: TypedMessage[];
  /** Other fields of each request. */
  request: object;
  /** What the first question is about. */
  images?: ImagePart[];
  history: History;
  /** What is shown once the model is loaded. */
  intro?: string;
  /** Keeps a question and its answer. */
  onExchange?: (question: string, answer: StreamedAnswer) => Promise<void>;
}

/**
 * Ctrl-C stops an answer; between two answers it leaves, as Ctrl-D and /bye do. Throws `CliError` where the model cannot be loaded, where the
 * first question is refused for another reason than its length, and where nothing can be asked or shown any more.
 */
export async function converse({
  api,
  model,
  system,
  messages = [],
  images = [],
  ...options
}: ConversationOptions): Promise<void> {
  const session: Session = { api, model, system, messages, answers: [] };
  await loadModel(api, model);
  if (options.intro !== undefined) standardOutput.write(`${options.intro}\n`);
  printNote("Ctrl-C stops an answer, a second one leaves. /help says what else there is.");
  const keyboard = openKeyboard(options.history, completeWord);
  let with_images = images;
  try {
    for (;;) {
      const content = await keyboard.question();
      if (content === undefined) break;
      const word = content.trim();
      if (word === "/bye") return;
      if (word === "" || (await performSlashCommand(session, word))) continue;
      const answer = await askAlong(session, questionOf(content, with_images), options.request, keyboard);
      if (answer === undefined) continue;
      with_images = [];
      await options.onExchange?.(content, answer);
    }
    standardOutput.write("\n");
  } finally {
    keyboard.close();
  }
}

/**
 * Asks a question behind what the session holds, which then holds both. Where they have outgrown the context, the person says whether the
 * oldest messages are left out. Undefined for a question that was not answered: it is as if it had not been asked.
 */
async function askAlong(
  session: Session,
  question: TypedMessage,
  request: object,
  keyboard: Keyboard,
): Promise<StreamedAnswer | undefined> {
  const { api, model, system } = session;
  const was_answered = session.messages.length > 0;
  for (let kept = session.messages; ;) {
    try {
      const messages = withSystem(system, [...kept, question]);
      const answer = await keyboard.interruptible((signal) => streamAnswer(api, { ...request, model, messages }, { signal }));
      session.messages = [...kept, question, { role: "assistant", content: answer.text }];
      session.answers.push(answer);
      if (answer.cut) printNote("The answer was cut: it had all the tokens of --max-tokens, or the context is full.");
      showRate(answer);
      return answer;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const is_too_long = error.code === "context_length_exceeded";
      const shorter = is_too_long ? withoutOldest(kept, question, error) : undefined;
      // A conversation that goes on already is not given up for what the next question may mend.
      if (shorter === undefined && !is_too_long && !was_answered) throw error;
      if (shorter === undefined)
        return void printNote(
          is_too_long && kept.length > 0
            ? `The question is too long for a context of ${error.n_ctx} tokens. Shorten it.`
            : error.message,
        );
      const count = kept.length - shorter.length;
      const choice = await keyboard.line(`The context is full. Leave out the oldest ${count} messages? [Y/n] `);
      if (choice === undefined) return undefined;
      if (/^\s*n/i.test(choice)) return void printNote("The question was not asked. /clear forgets all that was said.");
      kept = shorter;
    }
  }
}

/** On a terminal, how fast the answer came. */
function showRate(answer: StreamedAnswer): void {
  const rate = rateOf(answer);
  if (!standardOutput.isTTY || rate === undefined) return;
  printNote(dim(`${answer.usage!.completion_tokens} tokens, ${rate.toFixed(1)} tokens/s`));
}
