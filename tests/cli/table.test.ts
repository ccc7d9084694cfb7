// Tables fit the terminal: what is cut, what is left out, and that a pipe gets all.
import { describe, expect, test } from "bun:test";
import { table, type TableColumn } from "../../src/cli/table.ts";
import { emptyFolder } from "../support/old-folder.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { startServer } from "../support/server.ts";
import { hasPython, inTerminal } from "../support/terminal.ts";

const SLOW = 120_000;
const HEAD: TableColumn[] = [{ title: "ID" }, { title: "A", leave: 2 }, { title: "B", leave: 1 }, { title: "TITLE", least: 8 }];
const ROWS = [
  ["id-1", "aaaa", "bbbb", "a title of some length"],
  ["id-22", "a", "b", "日本語の題名です"],
];

const lines = (width: number) => table(HEAD, ROWS, width).split("\n");

describe("a table", () => {
  test("is whole where there is room, and where there is no terminal", () => {
    for (const width of [Infinity, 43]) expect(lines(width)[1]).toBe("id-1   aaaa  bbbb  a title of some length");
  });
  test("has its texts cut first, then columns left out, then its texts cut as far as it takes", () => {
    expect(lines(40)[1]).toBe("id-1   aaaa  bbbb  a title of some leng…");
    expect(lines(26)).toEqual(["ID     A     TITLE", "id-1   aaaa  a title of s…", "id-22  a     日本語の題名…"]);
    expect(lines(15)).toEqual(["ID     TITLE", "id-1   a title…", "id-22  日本語…"]);
    expect(lines(12)).toEqual(["ID     TITLE", "id-1   a ti…", "id-22  日本…"]);
  });
});

test.skipIf(!hasPython())(
  "list, ps and threads do not wrap from 46 columns on",
  async () => {
    const data = emptyFolder();
    const env = { INGLE_DATA: data };
    const server = await startServer(RUNTIME, ["--adapter", "echo"], { data });
    try {
      const title = "A title that is much longer than what a narrow terminal has room for, whatever comes before it";
      const thread = { title, assistants: [{ assistant_id: "jan", model: { id: "echo" } }] };
      const headers = { "content-type": "application/json" };
      await fetch(`${server.url}/v1/threads`, { method: "POST", headers, body: JSON.stringify(thread) });
      await (await server.chat({ messages: [{ role: "user", content: "hi" }] })).text();
      for (const words of [["list"], ["list", "--catalog"], ["ps"], ["threads"]]) {
        for (const width of [46, 60, 80]) {
          const { output, code } = await inTerminal(width, [...PROGRAM, ...words], env);
          const longest = Math.max(...output.split("\r\n").map((line) => line.length));
          expect({ words, code, fits: longest <= width, longest }).toMatchObject({ code: 0, fits: true });
        }
      }
      const piped = await run([...PROGRAM, "threads"], { env });
      expect(piped.stdout).toContain(`  echo   ${title}`);
    } finally {
      await server.stop();
    }
  },
  SLOW,
);
