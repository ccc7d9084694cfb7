// `ingle threads`: what clients of the API have kept, listed, shown, gone on with, exported and deleted.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { startServer, type Server } from "../support/server.ts";
import { hasPython, inTerminal } from "../support/terminal.ts";

const SLOW = 120_000;
const data = mkdtempSync(join(tmpdir(), "ingle-threads-"));
const env = { INGLE_DATA: data };
const threads = (...words: string[]) => run([...PROGRAM, "threads", ...words], { env });
let server: Server;
/** With the escape code of a terminal in its title and its text. */
let id: string;

async function post(path: string, body: object): Promise<{ id: string }> {
  const headers = { "content-type": "application/json" };
  return (await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) })).json() as Promise<{
    id: string;
  }>;
}

beforeAll(async () => {
  server = await startServer(RUNTIME, ["--adapter", "echo"], { data });
  const assistants = [{ assistant_id: "jan", assistant_name: "Ada", model: { id: "echo" } }];
  const messages = [
    { role: "user", content: "What is\u001b[2J this?" },
    { role: "assistant", content: "It is **that**." },
  ];
  ({ id } = await post("/v1/threads", { title: "A \u001b[31mtitle\nof two lines", assistants, messages }));
  for (let count = 0; count < 101; count++) await post("/v1/threads", { title: `No. ${count}` });
}, SLOW);
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

describe("ingle threads", () => {
  test(
    "lists them all, the newest first",
    async () => {
      const { code, stdout, stderr } = await threads();
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const lines = stdout.trimEnd().split("\n");
      expect(lines.length).toBe(103);
      expect(lines[0]).toMatch(/^ID +CREATED +MODEL +TITLE$/);
      expect(lines[1]).toMatch(/^thread_\w+ +\d{4}-\d\d-\d\d \d\d:\d\d .* No\. 100$/);
      expect(lines.at(-1)).toMatch(/^thread_\w+ .* echo +A \uFFFD\[31mtitle of two lines$/);
      expect(JSON.parse((await threads("--json")).stdout).map(({ id }: { id: string }) => id)).toHaveLength(102);
    },
    SLOW,
  );

  test(
    "shows and exports one, as Markdown and as JSON",
    async () => {
      const shown = await threads("show", id);
      expect(shown.stdout).toBe(
        "# A \uFFFD[31mtitle\nof two lines\n\n## You\n\nWhat is\uFFFD[2J this?\n\n## Ada\n\nIt is **that**.\n",
      );
      const exported = await threads("export", id);
      expect(exported.code).toBe(0);
      expect(exported.stdout).toEndWith("What is\u001b[2J this?\n\n## Ada\n\nIt is **that**.\n");
      const { title, messages } = JSON.parse((await threads("export", id, "--format", "json")).stdout);
      expect([title, messages.map(({ role, content }: any) => [role, content[0].text.value])]).toEqual([
        "A \u001b[31mtitle\nof two lines",
        [
          ["user", "What is\u001b[2J this?"],
          ["assistant", "It is **that**."],
        ],
      ]);
      expect(await threads("show", id, "--json")).toEqual(await threads("export", id, "--format", "json"));
    },
    SLOW,
  );

  test.skipIf(!hasPython())(
    "goes on with one, which keeps what is said",
    async () => {
      const words = ["threads", "continue", id];
      const { output, code, missing } = await inTerminal(80, [...PROGRAM, ...words], env, [
        ["> ", "and now\r"],
        ["and now.*tokens/s.*> ", "/bye\r"],
      ]);
      expect({ code, missing }).toEqual({ code: 0, missing: null });
      expect(output).toContain("Assistant: It is **that**.");
      const { messages } = JSON.parse((await threads("export", id, "--format", "json")).stdout);
      expect(messages.slice(2).map(({ role, content }: any) => [role, content[0].text.value])).toEqual([
        ["user", "and now"],
        ["assistant", "and now"],
      ]);
    },
    SLOW,
  );

  test(
    "says what is missing, and what may have been meant",
    async () => {
      const refusals: [string[], number, string][] = [
        [["shwo"], 2, 'Did you mean "show"?'],
        [["show"], 2, '"ingle threads show" needs the id of a thread. "ingle threads" lists them.'],
        [["list", id], 2, `Write "ingle threads show ${id}".`],
        [["show", "nope"], 1, 'There is no thread "nope". "ingle threads" lists those that there are.'],
        [["export", id, "--format", "pdf"], 2, '"--format" is "pdf". It must be markdown or json.'],
        [["continue", id, "--model", "ehco"], 1, 'Did you mean "echo"?'],
      ];
      for (const [words, code, says] of refusals)
        expect(await threads(...words)).toEqual({ code, stdout: "", stderr: expect.stringContaining(says) });
    },
    SLOW,
  );

  test(
    "deletes one",
    async () => {
      const { id } = await post("/v1/threads", { title: "short-lived" });
      expect(await threads("delete", id)).toEqual({ code: 0, stdout: `${id} is deleted.\n`, stderr: "" });
      expect((await threads("show", id)).code).toBe(1);
    },
    SLOW,
  );
});

test(
  "a model that is known and not here is said to be downloadable, and one that was mistyped is guessed",
  async () => {
    const show = async (model: string): Promise<string> =>
      (await run([...PROGRAM, "run", model, "hi"], { env: { INGLE_DATA: join(data, "other") } })).stderr;
    expect(await show("qwen3-4b")).toContain('"ingle pull qwen3-4b" downloads it.');
    expect(await show("qwen-4b")).toContain('Did you mean "qwen3-4b"?');
  },
  SLOW,
);
