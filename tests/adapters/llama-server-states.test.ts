// Saved states of llama-server: of the real one with a tiny model, and of a fake one whose faults are chosen.
import { afterAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChatMessage, ChatRequest, Engine } from "../../adapters/adapter.ts";
import type { LlamaServerOptions } from "../../adapters/llama-server/adapter.ts";
import type { Prompts } from "../../adapters/prompts.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { adapterSuite, TINY } from "../adapter-suite.ts";
import { collect } from "../support/collect.ts";
import { llamaServerChat } from "../support/llama-server-chat.ts";
import { makeModel } from "../support/app.ts";
import { namesIn, smallDisk } from "../support/folder.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { characterPrompts, renderedPrompts } from "../support/rendered-prompts.ts";
import { eventually } from "../support/server.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-server-states-"));
afterAll(() => rmSync(root, { recursive: true }));

let number = 0;
const fresh = (): string => join(root, `${number++}`, "tiny");
const signal = (): AbortSignal => AbortSignal.timeout(50_000);
const states = (folder: string): string[] => namesIn(folder, ".slot");

/** A program that becomes another one. */
function program(text: string): string {
  const path = join(mkdtempSync(join(root, "program-")), "llama-server");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

interface Setup {
  folder: string;
  model: InstalledModel;
  binary: string;
  bytes?: number;
  context?: number;
  slots?: number;
  env?: Record<string, string>;
  limits?: LlamaServerOptions["limits"];
  prompts?: Prompts;
  saves?: boolean;
}

/** An engine, and the log of its adapter. */
async function open({
  folder,
  model,
  binary,
  bytes = 1e9,
  context = 1536,
  slots = 1,
  env,
  limits,
  prompts,
  saves = true,
}: Setup) {
  const said: string[] = [];
  const log = (line: string): void => void said.push(line);
  const adapter = llamaServerChat({
    binary: () => binary,
    env: { ...process.env, ...env },
    prompts: prompts ?? renderedPrompts(),
    log,
    ...(limits && { limits }),
  });
  const options = { slots, context, threads: 1, ...(saves && { kv_cache: { folder, bytes } }) };
  return { engine: await adapter.load(model, options, signal()), said };
}

/** Of the tiny model every character is a token, but for a few words. */
const question = (number: number, length = 600): ChatMessage => {
  const lines = Array.from({ length: 100 }, (_, i) => `${number + i} of ${number * 7} `).join("");
  return { role: "user", content: lines.slice(0, length) };
};
const answered = (text: string): ChatMessage[] => [
  { role: "assistant", content: text },
  { role: "user", content: "Say more." },
];

async function chat(engine: Engine, messages: ChatMessage[], more: Partial<ChatRequest> = {}) {
  const { text, usage } = await collect(engine.chat(ask(messages, { repeatable: false, max_tokens: 8, ...more }), signal()));
  return { text, ...usage };
}

const { path, skip } = await realServer();
const prompts = startPrompts();
afterAll(prompts.close);

describe.skipIf(skip !== undefined)(`a conversation with llama-server${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  const setup = async (more: Partial<Setup> = {}): Promise<Setup> => {
    return { folder: fresh(), binary: path!, model: await tinyModel({ context_length: 1536 }), ...more };
  };
  const [one, other] = [question(1), question(5000)];

  const plain = llamaServerChat({ binary: () => path!, env: process.env, prompts });
  adapterSuite("tiny model, with saved states", {
    ...TINY,
    adapter: {
      ...plain,
      load: (model, options, signal) =>
        plain.load(model, { ...options, kv_cache: { folder: join(root, "suite", "tiny"), bytes: 1e9 } }, signal),
    },
    capabilities: plain.capabilities(makeModel("tiny")),
  });

  /** After the first request, which is saved as the engine closes. */
  const written = async (more: Partial<Setup> = {}): Promise<Setup> => {
    const made = await setup(more);
    const { engine } = await open(made);
    await chat(engine, [one]);
    await engine.close();
    expect(states(made.folder)).toHaveLength(1);
    return made;
  };

  /** Tokens that the second request, to a new engine, need not read again. */
  const cachedBy = async (made: Setup): Promise<{ cached: number; said: string[] }> => {
    const { engine, said } = await open(made);
    try {
      return { cached: (await chat(engine, [one, ...answered("x")])).cached_tokens, said };
    } finally {
      await engine.close();
    }
  };

  test("goes on from the disk after another one had its slot, and says the same as from its slot", async () => {
    const made = await setup();
    const { engine, said } = await open(made);
    const first = await chat(engine, [one]);
    const messages = [one, ...answered(first.text)];
    const second = await chat(engine, messages);
    expect((await chat(engine, [other])).cached_tokens).toBeLessThan(50);
    await eventually("it is on the disk", () => states(made.folder).length === 1);
    const again = await chat(engine, messages);
    expect(again.cached_tokens).toBeGreaterThanOrEqual(second.cached_tokens);
    expect(again.text).toBe(second.text);
    expect(said).toEqual([]);
    await engine.close();
  });

  test("goes on after a restart, from files that are for their owner alone", async () => {
    const made = await written();
    expect(statSync(made.folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(made.folder)) expect(statSync(join(made.folder, name)).mode & 0o777).toBe(0o600);
    const { cached, said } = await cachedBy(made);
    expect([cached > 550, said]).toEqual([true, []]);
  });

  test("is one file, that of its latest state", async () => {
    const made = await written();
    const before = states(made.folder);
    await cachedBy(made);
    expect(states(made.folder)).toHaveLength(1);
    expect(states(made.folder)).not.toEqual(before);
  });

  test("of less than 256 tokens is not saved", async () => {
    const made = await setup();
    const { engine } = await open(made);
    await chat(engine, [question(1, 200)]);
    await chat(engine, [other]);
    expect(readdirSync(made.folder)).toEqual([]);
    await engine.close();
    expect(states(made.folder)).toHaveLength(1);
  });

  test("that has a slot of its own goes on beside others, and each slot is saved", async () => {
    const made = await setup({ slots: 2 });
    const { engine } = await open(made);
    await chat(engine, [one]);
    await chat(engine, [other]);
    expect(states(made.folder)).toEqual([]);
    expect((await chat(engine, [one, ...answered("x")])).cached_tokens).toBeGreaterThan(550);
    expect((await chat(engine, [other, ...answered("y")])).cached_tokens).toBeGreaterThan(550);
    await engine.close();
    expect(states(made.folder)).toHaveLength(2);
  });

  test("that was left amid its answer is saved as far as it came", async () => {
    const made = await setup();
    const { engine } = await open(made);
    for await (const event of engine.chat(ask([one], { repeatable: false, max_tokens: 900 }), signal())) {
      if (event.type === "text") break;
    }
    await engine.close();
    const { cached } = await cachedBy(made);
    expect(cached).toBeGreaterThan(550);
  });

  test("that a stop string ended is saved too, also when another one takes its slot at once", async () => {
    const made = await setup();
    const { engine } = await open(made);
    const { text } = await chat(engine, [one]);
    await chat(engine, [one], { stop: [text.slice(0, 1)], max_tokens: 500 });
    await chat(engine, [other]);
    expect((await chat(engine, [one, ...answered("x")])).cached_tokens).toBeGreaterThan(550);
    await engine.close();
  });

  test("whose request is repeatable goes on from the whole batches of it, and is saved for those that are not", async () => {
    const made = await written();
    const { engine } = await open(made);
    expect((await chat(engine, [one], { repeatable: true })).cached_tokens).toBe(512);
    await chat(engine, [other], { repeatable: true });
    expect((await chat(engine, [one, ...answered("x")])).cached_tokens).toBeGreaterThan(550);
    await engine.close();
  });

  const scopes = (engine: Engine) => async (cache_scope: string) => {
    const prompts: [read: number, total: number][] = [];
    let cached = -1;
    for await (const event of engine.chat(ask([one], { repeatable: false, max_tokens: 2, cache_scope }), signal())) {
      if (event.type === "prompt") prompts.push([event.read, event.total]);
      if (event.type === "finish") cached = event.usage.cached_tokens;
    }
    return { cached, first: prompts[0]?.[0] };
  };

  for (const saves of [false, true]) {
    test(`is read anew for another API key, which sees nothing of it, ${saves ? "with" : "without"} saved states`, async () => {
      const made = await setup({ saves });
      const { engine, said } = await open(made);
      const of = scopes(engine);
      const first = await of("one");
      expect(first.cached).toBe(0);
      // Nothing of the prompt is reported as read before reading began.
      expect(await of("two")).toEqual(first);
      expect((await of("two")).cached).toBeGreaterThan(550);
      const back = (await of("one")).cached;
      if (saves) expect(back).toBeGreaterThan(550);
      else expect(back).toBe(0);
      await engine.close();
      if (saves) {
        const { engine: next } = await open(made);
        expect(await scopes(next)("three")).toEqual(first);
        expect((await scopes(next)("two")).cached).toBeGreaterThan(550);
        await next.close();
      }
      expect(said).toEqual([]);
    });
  }

  test("of many API keys on few slots is answered for each, and found again while its slot is its own", async () => {
    const { engine } = await open(await setup({ slots: 2, saves: false }));
    const of = scopes(engine);
    const keys = Array.from({ length: 8 }, (_, i) => `key ${i}`);
    const all = await Promise.all(keys.map(of));
    expect(all.map(({ cached }) => cached)).toEqual(keys.map(() => 0));
    expect((await of("last")).cached).toBe(0);
    expect((await of("other")).cached).toBe(0);
    expect((await of("last")).cached).toBeGreaterThan(550);
    await engine.close();
  });

  describe("is read anew, without harm, where", () => {
    test("a bit of its file was flipped, wherever", async () => {
      const made = await written();
      const file = join(made.folder, states(made.folder)[0]!);
      const bytes = readFileSync(file);
      const middle = bytes.length >> 1;
      for (const at of [5, 9, 40, 3_000, middle, ...[600, 200, 85, 70, 50, 10].map((back) => bytes.length - back)]) {
        for (const name of states(made.folder)) rmSync(join(made.folder, name));
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1 << (at % 8);
        writeFileSync(file, changed);
        const { cached } = await cachedBy(made);
        expect([at, cached]).toEqual([at, 0]);
        // Where a token is another one, it is that of another conversation as well.
        if (at <= middle) expect([at, existsSync(file)]).toEqual([at, at === 40]);
      }
    });

    test("its file is cut, which would end llama-server", async () => {
      const made = await written();
      const file = join(made.folder, states(made.folder)[0]!);
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.subarray(0, bytes.length / 2));
      const { cached, said } = await cachedBy(made);
      expect([cached, said, existsSync(file)]).toEqual([0, [], false]);
    });

    const CHANGES: Record<string, (made: Setup) => Setup | Promise<Setup>> = {
      "the context is another": (made) => ({ ...made, context: 1024 }),
      "the slots are more": (made) => ({ ...made, slots: 2 }),
      "the template is another": ({ model, ...made }) => {
        return { ...made, model: { ...model, settings: { prompt_template: "{prompt}" } } };
      },
      "the model file was changed, if only in its time": (made) => {
        utimesSync(made.model.path, new Date(), new Date(0));
        return made;
      },
      "llama-server was changed": (made) => {
        appendFileSync(made.binary, "# newer\n");
        return made;
      },
    };
    for (const [name, change] of Object.entries(CHANGES)) {
      test(`${name}; its file stays`, async () => {
        const made = await written({ binary: program(`exec "${path}" "$@"`) });
        const [file] = states(made.folder);
        expect((await cachedBy(await change(made))).cached).toBe(0);
        expect(states(made.folder)).toContain(file!);
      });
    }
  });

  test("goes where there is too much, the least recently used first, of all models and of both engines", async () => {
    const made = await written();
    const { size } = statSync(join(made.folder, states(made.folder)[0]!));
    const beside = join(made.folder, "..", "other");
    mkdirSync(beside);
    const embedded = join(beside, `${"a".repeat(32)}-${"b".repeat(32)}.kv`);
    writeFileSync(embedded, new Uint8Array(size));
    utimesSync(embedded, 0, 0);
    const { engine } = await open({ ...made, bytes: 2.5 * size });
    expect(existsSync(embedded)).toBe(true);
    await chat(engine, [other]);
    await engine.close();
    expect([existsSync(embedded), states(made.folder).length]).toEqual([false, 2]);
    await (await open({ ...made, bytes: size / 2 })).engine.close();
    expect(states(made.folder)).toEqual([]);
  });

  test("is not begun where it could not stay", async () => {
    const made = await setup({ bytes: 1_000 });
    const { engine, said } = await open(made);
    await chat(engine, [one]);
    await chat(engine, [other]);
    await engine.close();
    expect([readdirSync(made.folder), said]).toEqual([[], []]);
  });

  const disk = smallDisk();
  const full = typeof disk === "string" ? disk : undefined;
  test.skipIf(full !== undefined)(`is answered with a full disk${full === undefined ? "" : ` (skipped: ${full})`}`, async () => {
    if (typeof disk === "string") return;
    try {
      const made = await setup({ folder: join(disk.path, "kv-cache", "tiny") });
      writeFileSync(join(disk.path, "filler"), new Uint8Array(1024 * 1024 - 200_000));
      const { engine, said } = await open(made);
      await chat(engine, [one]);
      expect((await chat(engine, [other])).text).not.toBe("");
      expect((await chat(engine, [one])).cached_tokens).toBeLessThan(50);
      expect(said.join()).toContain("could not be saved");
      expect(readdirSync(made.folder)).toEqual([]);
      rmSync(join(disk.path, "filler"));
      await engine.close();
      expect(states(made.folder)).toHaveLength(1);
    } finally {
      disk.unmount();
    }
  });
});

describe("a llama-server", () => {
  const FAKE = join(import.meta.dirname, "../support", "fake-llama-server.ts");
  const binary = program(`exec "${process.execPath}" "${FAKE}" "$@"`);
  const asked = (file: string): string[] => readFileSync(file, "utf8").trim().split("\n");

  const faulty = async (fault: string, more: Partial<Setup> = {}) => {
    const log = join(root, `asked-${number++}`);
    const folder = more.folder ?? fresh();
    const limits = { load: 20_000, generation: 10_000, cancel: 300, close: 500, state: 500 };
    const model = more.model ?? (await tinyModel());
    const env = { GGML_FAKE: fault, GGML_ASKED: log };
    const made = { folder, model, binary, context: 512, limits, env, prompts: characterPrompts(), ...more };
    return { ...(await open(made)), folder, model, requests: () => asked(log) };
  };
  const [one, other] = [question(1), question(5000)];

  for (const fault of ["fails", "garbage", "html", "hangs", "is cut", "writes other tokens"]) {
    test(`whose save ${fault} answers nevertheless, and nothing of it is left`, async () => {
      const { engine, folder, said } = await faulty(`save ${fault}`);
      expect((await chat(engine, [one])).text).toBe("hello");
      expect((await chat(engine, [other])).text).toBe("hello");
      await eventually("it is told", () => said.join().includes("could not be saved"));
      expect(readdirSync(folder)).toEqual([]);
      await engine.close();
      expect(readdirSync(folder)).toEqual([]);
    });
  }

  for (const fault of ["hangs", "writes other tokens"]) {
    test(`whose save ${fault} is asked for no further one`, async () => {
      const { engine, requests, said } = await faulty(`save ${fault}`);
      await chat(engine, [one]);
      await chat(engine, [other]);
      await eventually("it is told", () => said.length > 0);
      for (const message of [one, other]) await chat(engine, [message]);
      await engine.close();
      expect(requests().filter((line) => line.includes("action=")).length).toBe(1);
    });
  }

  test("that dies amid a save costs that request, and its half-written file is removed once it is old", async () => {
    const { engine, folder, model } = await faulty("save dies");
    await chat(engine, [one]);
    expect(await chat(engine, [other]).catch((error) => error.code)).toBe("engine_crashed");
    await engine.close();
    expect(states(folder)).toEqual([]);
    const half = join(folder, `.${"a".repeat(32)}-${"b".repeat(32)}.1.0.tmp`);
    writeFileSync(half, "half of it");
    await (await faulty("save", { folder, model })).engine.close();
    expect(existsSync(half)).toBe(true);
    utimesSync(half, 0, Date.now() / 1000 - 3600);
    await (await faulty("save", { folder, model })).engine.close();
    expect(existsSync(half)).toBe(false);
  });

  for (const fault of ["fails", "garbage", "html", "hangs"]) {
    test(`whose restore ${fault} answers nevertheless, and the state goes`, async () => {
      const { engine: first, folder, model } = await faulty("save");
      await chat(first, [one]);
      await first.close();
      const [file] = states(folder);
      expect(file).toBeDefined();
      const { engine, said } = await faulty(`restore ${fault}`, { folder, model });
      expect((await chat(engine, [one, ...answered("x")])).text).toBe("hello");
      expect(said.join()).toContain("was not used");
      expect(states(folder)).not.toContain(file!);
      await engine.close();
    });
  }

  test("is asked for a state where one is needed, and for nothing else while a conversation goes on in its slot", async () => {
    const { engine, requests } = await faulty("save");
    const messages = [one];
    for (let i = 0; i < 3; i++) {
      const { text } = await chat(engine, messages);
      messages.push(...answered(`${text}${"o".repeat(2_000)}`));
    }
    const paths = () => requests().map((line) => line.split(" ")[0]!);
    expect(paths().filter((path) => path.startsWith("/slots"))).toEqual([]);
    await chat(engine, [other]);
    await chat(engine, messages);
    const before = requests().length;
    await engine.close();
    const actions = paths().flatMap((path) => /^\/slots\/0\?action=(.*)/.exec(path)?.[1] ?? []);
    expect(actions).toEqual(["save", "save", "restore", "save"]);
    expect(requests().slice(before)).toHaveLength(1);
  });

  test("gets no request about slots where no states are saved", async () => {
    const { engine, requests } = await faulty("secrets", { saves: false });
    const { text } = await chat(engine, [one]);
    expect(text).toContain("--ctx-checkpoints");
    expect(text).not.toContain("--slot-save-path");
    await chat(engine, [other]);
    await engine.close();
    expect(requests().filter((line) => line.startsWith("/slots"))).toEqual([]);
  });

  test("has files of states whose names cannot be guessed", async () => {
    const names = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const { engine, folder } = await faulty("save");
      await chat(engine, [one]);
      await engine.close();
      for (const name of states(folder)) names.add(name);
    }
    expect(names.size).toBe(2);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{32}-[0-9a-f]{32}\.slot$/);
  });
});
