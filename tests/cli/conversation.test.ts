// What a conversation in a terminal takes besides questions, and what it keeps.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chunk, startFakeUpstream, type FakeUpstream } from "../support/fake-upstream.ts";
import { PROGRAM, run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN } from "../support/server.ts";
import { hasPython, inTerminal, type Step } from "../support/terminal.ts";

const SLOW = 120_000;
const ENTER = "\r";
const UP = "\u001b[A";
const CTRL_D = "\u0004";
const folder = mkdtempSync(join(tmpdir(), "ingle-conversation-"));
let there: FakeUpstream;
beforeAll(async () => {
  there = await startFakeUpstream();
  const env = { INGLE_DATA: folder };
  for (const id of ["far", "away"])
    expect(await run([...PROGRAM, "add", id, "--base-url", there.url, "--as", id], { env })).toMatchObject({ code: 0 });
}, SLOW);
afterAll(async () => {
  await there.stop();
  rmSync(folder, { recursive: true, force: true });
});

const USAGE = { prompt_tokens: 7, completion_tokens: 12, prompt_tokens_details: { cached_tokens: 3 } };
const answers = (...deltas: object[]): void =>
  there.behave({
    kind: "pieces",
    every_ms: 20,
    pieces: [
      ...deltas.map((delta) => chunk(delta)),
      ...[chunk({}, "stop"), `data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\n`, "data: [DONE]\n\n"],
    ],
  });

const python = hasPython() ? undefined : "skipped: python3 is not on this machine";
describe.skipIf(python !== undefined)(`a conversation${python ? ` (${python})` : ""}`, () => {
  const converse = async (steps: Step[], words: string[] = [], env: Record<string, string> = {}, command = PROGRAM) => {
    const asked = there.chats.length;
    const { output, ...end } = await inTerminal(80, [...command, "run", "far", ...words], { INGLE_DATA: folder, ...env }, steps);
    expect(end).toEqual({ code: 0, missing: null });
    return { output, asked: there.chats.slice(asked).map(({ body }) => body) };
  };
  /** The line on which a question is typed, behind an answer. */
  const next = (answer: string): string => `${answer}.*tokens/s.*> `;

  for (const { name, command, skip } of runtimes()) {
    test.skipIf(skip !== undefined)(
      `on ${name}: questions of several lines are typed and pasted, and each line is kept for the next start${skip ? ` (skipped: ${skip})` : ""}`,
      async () => {
        rmSync(join(folder, "history"), { force: true });
        answers({ content: "It is " }, { content: "so." });
        const first: Step[] = [
          ["> ", `one\\${ENTER}`],
          ["… ", `two${ENTER}`],
          [next("It is so"), `"""three${ENTER}`],
          ["… ", `four"""${ENTER}`],
          [next("It is so"), `pasted${ENTER}text`],
          ["text", ENTER],
          [next("It is so"), CTRL_D],
        ];
        const { asked } = await converse(first, [], {}, [...command, MAIN]);
        expect(asked.map(({ messages }) => messages.at(-1).content)).toEqual(["one\ntwo", "three\nfour", "pasted\ntext"]);
        const path = join(folder, "history");
        expect(readFileSync(path, "utf8")).toBe('one\\\ntwo\n"""three\nfour"""\npasted\ntext\n'.replace("one\\", "one"));
        expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
        const second: Step[] = [
          ["> ", UP],
          ["text", UP],
          ["pasted", ENTER],
          [next("It is so"), CTRL_D],
        ];
        const later = await converse(second, [], {}, [...command, MAIN]);
        expect(later.asked.map(({ messages }) => messages)).toEqual([[{ role: "user", content: "pasted" }]]);
        expect((await run([...PROGRAM, "check", "--data", folder])).stdout).toContain("nothing is wrong");
      },
      SLOW,
    );
  }

  test(
    "slash commands say and change what the next question is asked with",
    async () => {
      answers({ content: "Yes" }, { content: "." });
      const steps: Step[] = [
        ["> ", `/help${ENTER}`],
        ["/stats +says.*> ", `/system${ENTER}`],
        ["The system message is: Be kind.*> ", `/system Be brief${ENTER}`],
        ["Be brief.*> ", `first${ENTER}`],
        [next("Yes\\."), `/stats${ENTER}`],
        ["Model +far.*Messages +2.*Context +19 tokens.*12 tokens.*3 of 7 before it.*> ", `/model nope${ENTER}`],
        ['Model "nope" is not installed.*> ', `/model away${ENTER}`],
        ["away answers\\..*> ", `/clear${ENTER}`],
        ["> ", `/clera${ENTER}`],
        ['Did you mean "/clear"\\?.*> ', `second${ENTER}`],
        [next("Yes\\."), `/system none${ENTER}`],
        ["There is no system message\\..*> ", `/etc/hosts is a path${ENTER}`],
        [next("Yes\\."), `/bye${ENTER}`],
      ];
      const { asked } = await converse(steps, ["--system", "Be kind"]);
      const system = { role: "system", content: "Be brief" };
      const [second, answer] = [
        { role: "user", content: "second" },
        { role: "assistant", content: "Yes." },
      ];
      expect(asked.map(({ model, messages }) => [model, messages])).toEqual([
        ["far", [system, { role: "user", content: "first" }]],
        ["away", [system, second]],
        ["away", [second, answer, { role: "user", content: "/etc/hosts is a path" }]],
      ]);
    },
    SLOW,
  );

  test(
    "markdown is rendered and thoughts are dim where colours are wanted, and stay as they are elsewhere",
    async () => {
      answers({ reasoning_content: "Hmm." }, { content: "Some **bo" }, { content: "ld** words" });
      const steps: Step[] = [
        ["> ", `hi${ENTER}`],
        ["tokens/s.*> ", CTRL_D],
      ];
      const coloured = await converse(steps, [], { NO_COLOR: "", TERM: "xterm-256color" });
      expect(coloured.output).toContain("\u001b[2mThinking: Hmm.\u001b[22m");
      expect(coloured.output).toContain("\u001b[1mbold\u001b[22m");
      const plain = await converse(steps);
      expect(stripVTControlCharacters(plain.output)).toContain("Thinking: Hmm.\r\n\r\nSome **bold** words\r\n");
      expect(plain.output).not.toContain("\u001b[2m");
    },
    SLOW,
  );

  test(
    "an image stands before the first question alone",
    async () => {
      answers({ content: "A dot" }, { content: "." });
      const path = join(folder, "dot.png");
      writeFileSync(path, PNG);
      const steps: Step[] = [
        ["> ", `what is it?${ENTER}`],
        [next("A dot\\."), `and now?${ENTER}`],
        [next("A dot\\."), CTRL_D],
      ];
      const { asked } = await converse(steps, ["--image", path]);
      const question = [IMAGE, { type: "text", text: "what is it?" }];
      expect(asked.map(({ messages }) => messages.map(({ content }: { content: unknown }) => content))).toEqual([
        [question],
        [question, "A dot.", "and now?"],
      ]);
    },
    SLOW,
  );
});

const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=", "base64");
const IMAGE = { type: "image_url", image_url: { url: `data:image/png;base64,${PNG.toString("base64")}` } };

describe("one question", () => {
  const ask = (...words: string[]) => run([...PROGRAM, "run", "far", ...words], { env: { INGLE_DATA: folder } });

  test(
    "with --json is answered by one object, with tokens and times",
    async () => {
      answers({ reasoning_content: "Hmm." }, { content: "Yes" }, { content: "." });
      const { code, stdout, stderr } = await ask("hi", "--json");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toEqual({
        ...{ model: "far", content: "Yes.", reasoning: "Hmm.", cut: false, usage: { ...USAGE, total_tokens: 19 } },
        ...{ first_token_ms: expect.any(Number), tokens_per_second: expect.any(Number) },
      });
    },
    SLOW,
  );

  test(
    "takes images, and says which file is none",
    async () => {
      answers({ content: "A dot." });
      const [path, other] = [join(folder, "dot.png"), join(folder, "text.txt")];
      writeFileSync(path, PNG);
      writeFileSync(other, "text");
      expect(await ask("what?", "--image", `${path},${path}`)).toMatchObject({ code: 0, stdout: "A dot.\n" });
      expect(there.chats.at(-1)!.body.messages).toEqual([
        { role: "user", content: [IMAGE, IMAGE, { type: "text", text: "what?" }] },
      ]);
      expect(await ask("what?", "--image", other)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("is no image that can be read"),
      });
      expect(await ask("what?", "--image", join(folder, "none"))).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("cannot be read"),
      });
    },
    SLOW,
  );
});
