// `ingle run` in a pipe: what it reads beside its prompt, where thoughts go, and readers that leave.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chunk, startFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";
import { PROGRAM, run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN } from "../support/server.ts";

const SLOW = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ingle-run-"));
const env = { INGLE_DATA: folder };
let there: FakeUpstream;
beforeAll(async () => {
  there = await startFakeUpstream();
  expect(await run([...PROGRAM, "add", "far", "--base-url", there.url, "--as", "m"], { env })).toMatchObject({ code: 0 });
}, SLOW);
afterAll(async () => {
  await there.stop();
  rmSync(folder, { recursive: true, force: true });
});

const answered = (...chunks: string[]): void =>
  there.behave({ kind: "says", type: "text/event-stream", body: `${chunks.join("")}${chunk({}, "stop")}data: [DONE]\n\n` });

for (const { name, command, skip } of runtimes()) {
  describe.skipIf(skip !== undefined)(`on ${name}${skip ? ` (skipped: ${skip})` : ""}`, () => {
    const ingle = [...command, MAIN];
    const shell = (line: string) => run(["bash", "-c", line, "bash", ...ingle], { env });

    test.each<[typed: string[], stdin: string, asked: string]>([
      [["Summarise this."], "line one\nline two\n", "line one\nline two\n\nSummarise this."],
      [["Summarise this."], "", "Summarise this."],
      [[], "from a pipe\n", "from a pipe"],
    ])(
      "the prompt %j with %j piped in asks both",
      async (typed, stdin, asked) => {
        answered(chunk({ content: "fine" }));
        const before = there.chats.length;
        expect(await run([...ingle, "run", "far", ...typed], { env, stdin })).toEqual({ code: 0, stdout: "fine\n", stderr: "" });
        expect(there.chats.slice(before).map(({ body }) => body.messages)).toEqual([[{ role: "user", content: asked }]]);
      },
      SLOW,
    );

    test(
      "a prompt needs no standard input",
      async () => {
        answered(chunk({ content: "fine" }));
        for (const none of ["</dev/null", "<&-"])
          expect(await shell(`"$@" run far hi ${none}`)).toEqual({ code: 0, stdout: "fine\n", stderr: "" });
      },
      SLOW,
    );

    test(
      "thoughts are shown, and what is piped on is the answer alone",
      async () => {
        answered(chunk({ reasoning_content: "Let me " }), chunk({ reasoning_content: "see." }), chunk({ content: "It is 4." }));
        expect(await run([...ingle, "run", "far", "2 + 2?"], { env })).toEqual({
          ...{ code: 0, stdout: "It is 4.\n", stderr: "Thinking: Let me see.\n" },
        });
      },
      SLOW,
    );

    test(
      "a reader that leaves ends a command without a word",
      async () => {
        there.behave({ kind: "pieces", pieces: Array.from({ length: 60 }, () => chunk({ content: "word\n" })), every_ms: 20 });
        for (const words of ["run far hi", "list --catalog", "--help"]) {
          const { stdout, stderr } = await shell(`"$@" ${words} </dev/null | head -c 1 >/dev/null; echo \${PIPESTATUS[0]}`);
          expect([words, stderr, /^[01]\n$/.test(stdout)]).toEqual([words, "", true]);
        }
      },
      SLOW,
    );
  });
}
