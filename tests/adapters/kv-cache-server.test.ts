// Conversations on the disk with llama-server, through the real server with the real model: gone on with after a restart and a kill.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { longQuestion, type Answered, type Said } from "../support/conversation.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { savingServer } from "../support/saving-server.ts";
import { eventually } from "../support/server.ts";

const SLOW = 600_000;
/** The likeliest token each time, with all reuse that there is. */
const GREEDY = { top_k: 1, max_tokens: 24 };
const REPEATABLE = { temperature: 0, max_tokens: 24 };

const { path, skip } = await realServer();
const saving = savingServer({ settings: ["--adapter", "llama-server", "--llama-server", path ?? ""], ending: ".slot" });
const { states, restart, unfinished } = saving;
const ask = (messages: Said[], more: object = GREEDY) => saving.ask(messages, more);

describe.skipIf(skip !== undefined)(`with llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  beforeAll(saving.start, SLOW);
  afterAll(saving.stop);

  describe("a conversation of 1,500 tokens", () => {
    const question = longQuestion(100);
    let messages: Said[];
    let second: Answered;
    let fresh_repeatable: Answered;

    test(
      "goes on from the disk when another one had its slot, with the same answer as in it",
      async () => {
        const first = await ask([question]);
        expect(first.prompt_tokens).toBeGreaterThan(1_400);
        messages = [question, { role: "assistant", content: first.text }, { role: "user", content: "Say more of the river." }];
        second = await ask(messages);
        expect(second.cached_tokens).toBeGreaterThan(1_400);
        await ask([longQuestion(200)], { ...GREEDY, max_tokens: 2 });
        await eventually("it is on the disk", () => states().length === 1);
        const { cached_tokens, text } = await ask(messages);
        expect(cached_tokens).toBeGreaterThanOrEqual(second.cached_tokens);
        expect(text).toBe(second.text);
      },
      SLOW,
    );

    test(
      "goes on from the disk after a restart, with the same answer, and check finds nothing wrong",
      async () => {
        await restart();
        expect(states().length).toBe(2);
        await saving.expectGoodFolder();
        const { cached_tokens, text } = await ask(messages);
        expect(cached_tokens).toBeGreaterThanOrEqual(second.cached_tokens);
        expect(text).toBe(second.text);
      },
      SLOW,
    );

    test(
      "begins its answer from the disk as an engine does that knows nothing",
      async () => {
        await restart(["--kv-cache", "0"]);
        const fresh = await ask(messages);
        // In one long prompt llama.cpp adds up in another order than token by token, which may decide between two words that are nearly as
        // likely. A state that is wrong shows with the first.
        const begun = ({ text }: Answered): string => text.split(" ").slice(0, 5).join(" ");
        expect([fresh.cached_tokens, begun(fresh)]).toEqual([0, begun(second)]);
        fresh_repeatable = await ask(messages, { ...REPEATABLE, cache_prompt: false });
        await restart();
      },
      SLOW,
    );

    test(
      "has the same repeatable answer from the disk, of which it reuses whole batches",
      async () => {
        const { cached_tokens, text } = await ask(messages, REPEATABLE);
        expect([fresh_repeatable.cached_tokens, cached_tokens]).toEqual([0, 1024]);
        expect(text).toBe(fresh_repeatable.text);
      },
      SLOW,
    );
  });

  test(
    "a llama-server that is killed amid a save leaves nothing that is trusted, and check names the half",
    async () => {
      const question = longQuestion(300);
      await ask([question], { max_tokens: 2 });
      const before = states().length;
      const [engine] = saving.server.children();
      const killed = eventually("a save has begun", () => unfinished().length > 0, 120_000, 1).then(() =>
        process.kill(engine!, "SIGKILL"),
      );
      // The server goes on, and finds out that nothing came of it.
      await ask([longQuestion(400)], { max_tokens: 200 }).catch(() => {});
      await killed;
      await eventually("it is swept", () => unfinished().length === 0);
      expect(states().length).toBe(before);
      await saving.expectGoodFolder();
      expect((await ask([question], { max_tokens: 2 })).cached_tokens).toBe(0);
    },
    SLOW,
  );

  test(
    "a server that is killed with it amid a save leaves a half that check names",
    async () => {
      const killed = eventually("a save has begun", () => unfinished().length > 0, 120_000, 1).then(() =>
        saving.server.kill("SIGKILL"),
      );
      await ask([longQuestion(500)], { max_tokens: 200 }).catch(() => {});
      await killed;
      await saving.server.ended;
      await saving.expectOneHalf();
      await saving.launch();
    },
    SLOW,
  );

  test(
    "removing the model removes its conversations, also those that its engine still holds",
    async () => {
      await ask([{ role: "user", content: "Hello." }], { max_tokens: 1 });
      await saving.expectRemovedWithModel();
    },
    SLOW,
  );
});
