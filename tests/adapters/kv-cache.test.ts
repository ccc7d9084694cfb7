// Conversations on the disk, through the real server with the real model: gone on with after a restart, a kill, and another model file.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { longQuestion, type Said } from "../support/conversation.ts";
import { savingServer } from "../support/saving-server.ts";
import { eventually } from "../support/server.ts";

const SLOW = 300_000;
const REPEATABLE = { temperature: 0, max_tokens: 24 };

const saving = savingServer({ ending: ".kv" });
const { ask, states, restart } = saving;

beforeAll(saving.start, SLOW);
afterAll(saving.stop);

describe("a conversation of 1,500 tokens", () => {
  const question = longQuestion(100);
  let messages: Said[];
  /** All that was read and said so far, but for the end of the answer, which was never fed. */
  let known = 0;

  test(
    "goes on in its slot: only what is new is read",
    async () => {
      const first = await ask([question]);
      expect(first.prompt_tokens).toBeGreaterThan(1_400);
      expect(first.cached_tokens).toBe(0);
      messages = [question, { role: "assistant", content: first.text }, { role: "user", content: "Say more of the river." }];
      known = first.prompt_tokens + first.completion_tokens;
      const second = await ask(messages);
      expect(second.cached_tokens).toBeGreaterThanOrEqual(known - 2);
    },
    SLOW,
  );

  test(
    "goes on from the disk when another one had its slot",
    async () => {
      await ask([longQuestion(200)], { max_tokens: 2 });
      await eventually("it is on the disk", () => states().length === 1);
      expect((await ask(messages)).cached_tokens).toBeGreaterThanOrEqual(known - 2);
    },
    SLOW,
  );

  test(
    "goes on from the disk after a restart, and check finds nothing wrong",
    async () => {
      await restart();
      expect(states().length).toBeGreaterThan(1);
      await saving.expectGoodFolder();
      expect((await ask(messages)).cached_tokens).toBeGreaterThanOrEqual(known - 2);
    },
    SLOW,
  );

  test(
    "has the same repeatable answer from the disk as from an engine that knows nothing",
    async () => {
      await restart();
      const kept = await ask(messages, REPEATABLE);
      await restart(["--kv-cache", "0"]);
      const fresh = await ask(messages, REPEATABLE);
      expect([kept.cached_tokens, fresh.cached_tokens]).toEqual([1024, 0]);
      expect(kept.text).toBe(fresh.text);
      await restart();
    },
    SLOW,
  );

  test(
    "is read anew where its file was changed, with the same answer",
    async () => {
      await restart();
      await saving.server.stop();
      for (const name of states()) {
        const bytes = readFileSync(join(saving.folder(), name));
        bytes[Math.floor(bytes.length / 2)]! ^= 1;
        writeFileSync(join(saving.folder(), name), bytes);
      }
      await saving.launch();
      const { cached_tokens, text } = await ask(messages);
      expect(cached_tokens).toBe(0);
      expect(text).not.toBe("");
      expect(saving.server.stderr.join()).toContain("Its checksum is wrong");
    },
    SLOW,
  );

  test(
    "is read anew where the model file was changed, if only in its time",
    async () => {
      await restart();
      expect(states().length).toBeGreaterThan(0);
      await saving.server.stop();
      const weights = saving.weights();
      for (const name of readdirSync(weights)) utimesSync(join(weights, name), new Date(), new Date());
      await saving.launch();
      expect((await ask(messages)).cached_tokens).toBe(0);
    },
    SLOW,
  );
});

test(
  "an engine that is killed amid a save leaves nothing that is trusted, and check names the half",
  async () => {
    const question = longQuestion(300);
    await ask([question], { max_tokens: 2 });
    const before = states().length;
    const [engine] = saving.server.children();
    const killed = eventually("a save has begun", () => saving.unfinished().length > 0, 60_000, 1).then(() =>
      process.kill(engine!, "SIGKILL"),
    );
    await ask([longQuestion(400)], { max_tokens: 200 }).catch(() => {});
    await killed;
    await saving.server.stop("SIGKILL");
    expect(states().length).toBe(before);
    await saving.expectOneHalf();
    await saving.launch();
    expect((await ask([question], { max_tokens: 2 })).cached_tokens).toBe(0);
  },
  SLOW,
);

test("removing the model removes its conversations, also those that its engine still holds", saving.expectRemovedWithModel, SLOW);
