// Where the lines of the log go.
import { describe, expect, test } from "bun:test";
import { createLogOutput } from "../../src/server/log-output.ts";

/** An output whose writes end when the test says so. */
function makeOutput() {
  const texts: string[] = [];
  const ends: (() => void)[] = [];
  const lost: number[] = [];
  const output = createLogOutput(
    {
      write(text, onEnd) {
        texts.push(text);
        ends.push(() => onEnd?.());
      },
    },
    (count) => lost.push(count),
  );
  return { output, texts, lost, endWrite: () => ends.shift()!() };
}

describe("the output of the log", () => {
  test("gets lines together, in their order", () => {
    const { output, texts } = makeOutput();
    for (const line of ["a\n", "b\n"]) output.write(line, "info");
    expect(texts).toEqual([]);
    output.flush();
    expect(texts).toEqual(["a\nb\n"]);
  });

  test.each(["error", "warn"] as const)("gets a line of the level %s at once, behind those before it", (level) => {
    const { output, texts } = makeOutput();
    output.write("a\n", "info");
    output.write("b\n", level);
    expect(texts).toEqual(["a\nb\n"]);
  });

  test("that takes nothing has a bounded number of lines wait, and is told how many it missed", () => {
    const { output, texts, lost, endWrite } = makeOutput();
    const line = `${"x".repeat(1023)}\n`;
    for (let i = 0; i < 3_000; i++) output.write(line, "info");
    endWrite();
    expect(lost).toHaveLength(1);
    output.flush();
    expect(texts.join("").length / line.length + lost[0]!).toBe(3_000);
    expect(texts.join("").length).toBeLessThan(1_300_000);
  });
});
