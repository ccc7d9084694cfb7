// 200 files whose headers were tampered with, asked for one after the other: the server stays, and each answer says what is wrong.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readGgufFile } from "../../models/gguf/header.ts";
import { withLibrary } from "../support/library.ts";
import { RUNTIME } from "../support/program.ts";
import { record } from "../support/record.ts";
import { startServer, type Server } from "../support/server.ts";
import { numbersOf } from "../support/simulated-disk.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const MANY = 200;
const AT_ONCE = 2;
const PATIENCE_MS = 60_000;
const root = mkdtempSync(join(tmpdir(), "ingle-hostile-"));
let server: Server;

beforeAll(async () => {
  const data = join(root, "data");
  await withLibrary(data, async (library) => {
    for (let seed = 0; seed < MANY; seed++) {
      const path = join(root, `${seed}.gguf`);
      writeFileSync(path, tampered(seed));
      await library.add(record(`m${seed}`, path));
    }
  });
  // Each is loaded for itself, by an engine as small as can be.
  server = await startServer(RUNTIME, ["--slots", "1", "--context", "128", "--keep-alive", "0"], { data });
}, PATIENCE_MS);
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

/** One to four bytes of the header are others: near its beginning, where the counts and lengths are, or anywhere in it. */
function tampered(seed: number): Uint8Array {
  const random = numbersOf(seed);
  const upTo = (most: number) => Math.floor(random() * most);
  return tinyGguf({
    mutate(bytes) {
      for (let left = 1 + upTo(4); left > 0; left--) {
        const at = random() < 0.5 ? upTo(700) : 700 + upTo(13_000);
        bytes[at] = random() < 0.3 ? 255 : upTo(256);
      }
    },
  });
}

test(
  "none of them takes the server along",
  async () => {
    const found: Record<string, number> = { refused: 0, loaded: 0, died: 0 };
    const ask = async (seed: number): Promise<void> => {
      const whole = await readGgufFile(join(root, `${seed}.gguf`)).then(
        () => true,
        () => false,
      );
      const answer = await server.chat({ model: `m${seed}`, messages: [{ role: "user", content: "hi" }], max_tokens: 1 });
      const body = (await answer.json()) as { error?: { code: string; message: string } };
      const outcome = answer.status === 200 ? "loaded" : whole ? "died" : "refused";
      found[outcome]!++;
      if (!whole) expect([answer.status, body.error?.code]).toEqual([500, "model_load_failed"]);
      // What a context that is out of all measure would take is reckoned before the file is opened.
      else if (answer.status !== 200) expect(body.error?.code).toMatch(/^(model_load_failed|insufficient_memory)$/);
    };
    const seeds = Array.from({ length: MANY }, (_, seed) => seed);
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let seed = seeds.pop(); seed !== undefined; seed = seeds.pop()) await ask(seed);
      }),
    );
    console.log(`${MANY} hostile headers: ${found.refused} refused, ${found.died} failed in the child, ${found.loaded} loaded`);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(found.refused).toBeGreaterThan(20);
  },
  10 * PATIENCE_MS,
);
