// Markdown that comes in pieces: what stands on the screen at the end is what the whole would have been.
import { describe, expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import { createMarkdownView } from "../../src/cli/run/markdown-view.ts";

const MARKDOWN = `# A title

Some **bold** and *soft* words with \`code\`, in a paragraph that is longer than a line of this terminal has room for.

- one
- two **three**

\`\`\`ts
const x = 1;
if (x) console.log(x);
\`\`\`

| a | b |
|---|---|
| 1 | two |
| 3 | four five |

averyveryverylongwordwithoutanyspaceinitthatiswiderthanthisterminalis ü漢字
`;

/** The lines of a terminal that has no end at its top. It knows what the view writes. */
function createScreen() {
  let lines = [""];
  let row = 0;
  return {
    write(text: string) {
      for (const [at, sequence] of text.split("\u001b[").entries()) {
        const [, up, clear] = /^(?:(\d+)A|(J))/.exec(at > 0 ? sequence : "") ?? [];
        if (up) row -= Number(up);
        if (clear) lines = [...lines.slice(0, row), ""];
        const rest = up || clear ? sequence.slice(up ? up.length + 1 : 1) : at > 0 ? `\u001b[${sequence}` : sequence;
        for (const part of rest.split(/(\r|\n)/)) {
          if (part === "\n") lines[++row] ??= "";
          else if (part !== "\r") lines[row] += part;
        }
      }
    },
    shown: () => lines.map(stripVTControlCharacters),
  };
}

/** Each piece is drawn before the next one comes, where `waits`. */
async function show(pieces: string[], waits = false): Promise<string[]> {
  const screen = createScreen();
  const view = createMarkdownView(screen.write, { columns: 40, rows: 1000 });
  for (const piece of pieces) {
    view.add(piece);
    if (waits) await Bun.sleep(45);
  }
  view.end();
  return screen.shown();
}

describe("a text in pieces", () => {
  test.each([11, 40])("of %i characters, each drawn, ends as the whole", async (length) => {
    const pieces = MARKDOWN.match(new RegExp(`[^]{1,${length}}`, "g"))!;
    expect(await show(pieces, true)).toEqual(await show([MARKDOWN]));
  });

  test("keeps within the width, and shows every word", async () => {
    const lines = await show([MARKDOWN]);
    expect(lines.filter((line) => Bun.stringWidth(line) >= 40)).toEqual([]);
    for (const word of ["A title", "bold", "- one", "console.log", "four five"]) expect(lines.join("\n")).toContain(word);
    expect(lines.join("")).not.toContain("**");
  });

  test("that nothing comes of leaves the screen as it was", async () => expect(await show([])).toEqual([""]));
});
