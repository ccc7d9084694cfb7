// How an answer is shown while it comes: rendered on a terminal, as it is elsewhere.
import yoctoSpinner from "yocto-spinner";
import { standardError, standardOutput } from "../../server/standard-streams.ts";
import { forScreen } from "../screen-text.ts";
import { createMarkdownView, type MarkdownView } from "./markdown-view.ts";

export interface AnswerView {
  /** A piece of what the model thinks before its answer. */
  think(piece: string): void;
  say(piece: string): void;
  /** Nothing more comes. */
  end(): void;
}

const [DIM, PLAIN] = ["\u001b[2m", "\u001b[22m"];
export const dim = (text: string): string => (standardOutput.hasColors ? DIM + text + PLAIN : text);

/**
 * `write` writes to standard output. What a model thinks stands apart from its answer: before it and dim on a terminal; else on standard error,
 * so that what is piped on is the answer alone.
 */
export function createAnswerView(write: (text: string) => void): AnswerView {
  const { isTTY, hasColors, columns, rows } = standardOutput;
  const writeThought = isTTY ? write : (text: string): void => standardError.write(text);
  let thinks = false;
  let markdown: MarkdownView | undefined;
  const clean = (piece: string): string => (isTTY ? forScreen(piece) : piece);
  const endThoughts = (): void => {
    if (thinks) writeThought(isTTY ? `${hasColors ? PLAIN : ""}\n\n` : "\n");
    thinks = false;
  };
  return {
    think(piece) {
      if (!thinks) writeThought(`${isTTY && hasColors ? DIM : ""}Thinking: `);
      thinks = true;
      writeThought(clean(piece));
    },
    say(piece) {
      endThoughts();
      if (!hasColors) return write(clean(piece));
      markdown ??= createMarkdownView(write, { columns, rows });
      markdown.add(clean(piece));
    },
    end() {
      endThoughts();
      markdown?.end();
    },
  };
}

/** Shows on a terminal that something is waited for, until `end` is called. */
export function showWaiting(text: string): { end(): void } {
  // Both are one screen. The spinner draws on standard error, and what stands in its place is written to standard output.
  if (!standardOutput.isTTY || !standardError.isTTY) return { end: () => {} };
  const spinner = yoctoSpinner({ text, handleSignals: false }).start();
  return { end: () => void spinner.stop() };
}
