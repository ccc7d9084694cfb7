// The progress of a download, at every width and before anything is known.
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "bun:test";
import { progressLine } from "../../src/cli/progress-line.ts";
import { PROGRAM } from "../support/program.ts";
import { hasPython, inTerminal } from "../support/terminal.ts";

const MB = 1e6;
const half = { done: 49 * MB, total: 98 * MB, rate: 4.9 * MB };

describe("the line of a download", () => {
  test.each([
    [100, "tiny ████████████░░░░░░░░░░░░ 50 % | 49.0 MB of 98.0 MB | 4.9 MB/s | 10 s left"],
    [70, "tiny ████████░░░░░░░░ 50 % | 49.0 MB of 98.0 MB | 4.9 MB/s | 10 s left"],
    [58, "█████░░░░ 50 % | 49.0 MB of 98.0 MB | 4.9 MB/s | 10 s left"],
    [50, "50 % | 49.0 MB of 98.0 MB | 4.9 MB/s | 10 s left"],
    [46, "50 % | 4.9 MB/s | 10 s left"],
    [20, "50 % | 10 s left"],
    [10, "50 %"],
  ])("has %i columns and what fits into them", (columns, line) => {
    expect(progressLine("tiny", half, columns)).toBe(line);
    expect(line.length).toBeLessThanOrEqual(columns);
  });

  test.each(["tiny", "hf:owner/a-repository-with-a-long-name:Q4_K_M"])("never is wider than the terminal: %s", (name) => {
    for (let columns = 16; columns <= 200; columns++)
      for (const total of [98 * MB, undefined])
        for (const rate of [undefined, 1, 4.9 * MB, 2e9])
          for (const done of [0, 49 * MB, 98 * MB]) {
            const line = progressLine(name, { done, total, rate }, columns);
            if (columns >= 46) expect(line.length).toBeLessThanOrEqual(columns);
            expect(line).not.toMatch(/NaN|Inf|undefined|NFs| 0\.0 kB\/s/);
          }
  });

  test("says no rate and no time before any byte has come, and no time at the end", () => {
    expect(progressLine("tiny", { ...half, done: 0, rate: undefined }, 100)).toEndWith(" 0 % | 0.0 kB of 98.0 MB");
    expect(progressLine("tiny", { ...half, done: 98 * MB }, 100)).toEndWith(" 100 % | 98.0 MB of 98.0 MB | 4.9 MB/s");
    expect(progressLine("tiny", { done: 0, total: undefined, rate: undefined }, 46)).toBe("tiny 0.0 kB");
  });
});

const python = hasPython() ? undefined : "skipped: python3 is not on this machine";
test.skipIf(python !== undefined)(
  `a pull in a terminal of 46 columns leaves no line that is wider${python ? ` (${python})` : ""}`,
  async () => {
    const bytes = new Uint8Array(3 * MB);
    bytes.set(new TextEncoder().encode("GGUF"));
    const hub = createServer(async (_request, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      for (let at = 0; at < bytes.length; at += MB / 4) {
        response.write(bytes.subarray(at, at + MB / 4));
        await Bun.sleep(150);
      }
      response.end();
    }).listen(0, "127.0.0.1");
    await once(hub, "listening");
    const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}/m.gguf`;
    const data = mkdtempSync(join(tmpdir(), "ingle-progress-"));
    try {
      const { output } = await inTerminal(46, [...PROGRAM, "pull", url, "--allow-private"], { INGLE_DATA: data });
      // The bar is drawn again and again on its line.
      const lines = output
        .replaceAll("\u001b[1G", "\n")
        .split(/[\r\n]+/)
        .map(stripVTControlCharacters);
      const drawn = lines.filter((line) => / %( \||$)/.test(line));
      expect(drawn.length).toBeGreaterThan(2);
      expect(drawn.filter((line) => line.length > 46 || /NFs|NaN|\b0\.0 kB\/s/.test(line))).toEqual([]);
    } finally {
      hub.close();
      rmSync(data, { recursive: true, force: true });
    }
  },
  60_000,
);
