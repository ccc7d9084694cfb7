// What one API key's requests have read says nothing to another's: through the real server with the real model, on both engines.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { answerTo, longQuestion, type Said } from "../support/conversation.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { RUNTIME } from "../support/program.ts";
import { folderWithModel } from "../support/real-model.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 300_000;
const [ONE, TWO, THREE] = ["key-of-the-first-client", "key-of-the-second-client", "key-of-the-third-client"] as const;
const { path, skip } = await realServer();
const ENGINES: [name: string, settings: string[], skip?: string | undefined][] = [
  ["node-llama-cpp", []],
  ["llama-server", ["--adapter", "llama-server", "--llama-server", path ?? ""], skip],
];

for (const [name, settings, why] of ENGINES) {
  for (const states of ["0", "2GB"]) {
    const kind = `${name}, --kv-cache ${states}${why === undefined ? "" : ` (skipped: ${why})`}`;
    describe.skipIf(why !== undefined)(kind, () => {
      const { role, content } = longQuestion(100);
      // About 450 tokens: shorter ones are not saved.
      const question: Said[] = [{ role, content: content.slice(0, 1_400) }];
      let data: string;
      let server: Server;
      const launch = async (...keys: string[]): Promise<void> => {
        const words = ["--slots", "2", "--context", "1024", "--kv-cache", states, ...settings];
        server = await startServer(RUNTIME, words, { data, env: { INGLE_KEY: keys.join() } });
      };
      const cached = async (key: string): Promise<number> =>
        (await answerTo(server.url, question, { max_tokens: 2 }, key)).cached_tokens;
      beforeAll(async () => {
        data = await folderWithModel();
        await launch(ONE, TWO);
      }, SLOW);
      afterAll(async () => {
        await server.stop();
        rmSync(data, { recursive: true });
      });

      test(
        "a prompt is read whole for each key, and then found again for it",
        async () => {
          expect(await cached(ONE)).toBe(0);
          expect(await cached(TWO)).toBe(0);
          expect(await cached(TWO)).toBeGreaterThan(350);
          expect(await cached(ONE)).toBeGreaterThan(350);
        },
        SLOW,
      );

      test.if(states !== "0")(
        "after a restart it is found for the keys that sent it, and for no other",
        async () => {
          await server.stop();
          await launch(ONE, THREE);
          expect(await cached(ONE)).toBeGreaterThan(350);
          expect(await cached(THREE)).toBe(0);
        },
        SLOW,
      );
    });
  }
}
