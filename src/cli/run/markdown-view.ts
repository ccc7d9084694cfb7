// Markdown on a terminal while it comes: what has changed since the last look is written anew.
import { wrapAnsi } from "fast-wrap-ansi";
import { render } from "markdansi";
import type { Output } from "../../server/standard-streams.ts";

export interface MarkdownView {
  add(piece: string): void;
  /** Leaves the cursor behind the text, on its last line. */
  end(): void;
}

/** How long further pieces are waited for before they are drawn together, in ms: an eye sees no more. */
const EVERY_MS = 40;

/** `write` writes to the screen. */
export function createMarkdownView(
  write: (text: string) => void,
  { columns = 80, rows = 24 }: Pick<Output, "columns" | "rows">,
): MarkdownView {
  // A line that fills the last column would leave open on which line the cursor is.
  const width = columns - 1;
  let markdown = "";
  let shown: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = (): void => {
    timer = undefined;
    const rendered = render(markdown, { width, color: true, hyperlinks: false, codeBox: false });
    const text = rendered.replace(/^\n+/, "").trimEnd();
    const lines = wrapAnsi(text, width, { hard: true, trim: false }).split("\n");
    const changed = shown.findIndex((line, at) => line !== lines[at]);
    const first = changed === -1 ? shown.length : changed;
    if (first === lines.length && lines.length === shown.length) return;
    // What has left the screen cannot be written anew.
    const from = Math.max(first, shown.length - rows + 1);
    write(goToLine(shown.length - from, shown.length === 0) + lines.slice(from).join("\n"));
    shown = lines;
  };
  return {
    add(piece) {
      markdown += piece;
      timer ??= setTimeout(draw, EVERY_MS);
    },
    end() {
      clearTimeout(timer);
      if (timer !== undefined) draw();
    },
  };
}

/** To the beginning of the line that is so many lines from the end, 1 the last one, with all behind it cleared; 0 begins a further line. */
function goToLine(from_end: number, is_first: boolean): string {
  if (from_end === 0) return is_first ? "" : "\n";
  return `\r${from_end > 1 ? `\u001b[${from_end - 1}A` : ""}\u001b[J`;
}
