// What a person types: questions of one line or several, with a history; and Ctrl-C.
import { createInterface } from "node:readline";
import { CliError } from "../error.ts";
import { unwritable } from "../print.ts";
import { HISTORY_SIZE, type History } from "./history.ts";

export interface Keyboard {
  /** A question; undefined once the person has left. */
  question(): Promise<string | undefined>;
  /** One line that is no question; undefined once the person has left. */
  line(prompt: string): Promise<string | undefined>;
  /** Runs `work` with a signal that Ctrl-C aborts. */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Throws `CliError` where standard output was lost. */
  close(): void;
}

const [PROMPT, FURTHER_PROMPT] = ["> ", "… "];
const BLOCK = '"""';
/** Lines that come closer than this, in ms, were pasted: nobody types so fast. */
const PASTE_MS = 20;

/**
 * A question goes on behind a line that ends with a backslash, between lines of `"""`, and within a text that is pasted. Ctrl-C between two
 * answers leaves, as Ctrl-D does. `complete` says how a line may go on.
 */
export function openKeyboard(history: History, complete: (line: string) => string[]): Keyboard {
  const { stdin, stdout } = process;
  const terminal = createInterface({
    ...{ input: stdin, output: stdout, history: history.lines, historySize: HISTORY_SIZE },
    completer: (line: string) => [complete(line), line],
  });
  const leave = new AbortController();
  let answering: AbortController | undefined;
  terminal.on("SIGINT", () => (answering ?? leave).abort());
  terminal.on("close", () => leave.abort());
  // What is typed is shown on standard output too.
  const onLost = (cause: Error): void => leave.abort(unwritable(cause));
  stdout.on("error", onLost);

  /** What was typed and not yet asked for. */
  const typed: string[] = [];
  let wake = (): void => {};
  let lines: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  terminal.on("line", (line) => {
    lines.push(line);
    clearTimeout(timer);
    timer = setTimeout(() => {
      // A pasted text without a line break at its end can still be changed, and ends with the Enter of the person.
      if (terminal.line !== "") return;
      typed.push(lines.join("\n"));
      lines = [];
      wake();
    }, PASTE_MS);
  });
  leave.signal.addEventListener("abort", () => wake());

  const line = async (prompt: string): Promise<string | undefined> => {
    if (typed.length === 0 && !leave.signal.aborted) {
      terminal.setPrompt(prompt);
      terminal.prompt();
      await new Promise<void>((done) => (wake = done));
    }
    return leave.signal.aborted ? undefined : typed.shift();
  };
  return {
    line,
    async question() {
      let text = await line(PROMPT);
      while (text !== undefined && goesOn(text)) {
        const further = await line(FURTHER_PROMPT);
        if (further === undefined) return undefined;
        text = `${text.startsWith(BLOCK) ? text : text.slice(0, -1)}\n${further}`;
      }
      if (text === undefined) return undefined;
      for (const each of text.split("\n")) if (each.trim() !== "") history.add(each);
      return isBlock(text) ? text.slice(BLOCK.length, -BLOCK.length).trim() : text;
    },
    async interruptible(work) {
      answering = new AbortController();
      return work(answering.signal).finally(() => (answering = undefined));
    },
    close() {
      stdout.off("error", onLost);
      terminal.close();
      if (leave.signal.reason instanceof CliError) throw leave.signal.reason;
    },
  };
}

const isBlock = (text: string): boolean => text.length >= 2 * BLOCK.length && text.startsWith(BLOCK) && text.endsWith(BLOCK);

const goesOn = (text: string): boolean => (text.startsWith(BLOCK) ? !isBlock(text) : text.endsWith("\\"));
