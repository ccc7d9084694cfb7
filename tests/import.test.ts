// `ingle import` on old folders of every era, whole, broken and hostile; the command line is in import-cli.test.ts.
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import type { Driver } from "unstorage";
import memory from "unstorage/drivers/memory";
import { createLibrary } from "../src/library.ts";
import { failure } from "./support/records.ts";
import {
  bring,
  contents,
  emptyFolder,
  FIXTURES,
  imported,
  makeStore,
  NOW,
  oldFolder,
  put,
  snapshot,
  taken,
  told,
} from "./support/old-folder.ts";

const LIKE_NEW = "It was imported before, and nothing was added to it since.";

async function importing(folder: string) {
  const store = makeStore();
  return { store, report: await bring(store, folder) };
}

/** A Jan folder with one thread "t" that has these lines. */
function folderWith(lines: string | Uint8Array, thread: object | string = { title: "t", created: 1_700_000_000 }): string {
  const folder = emptyFolder();
  put(folder, "threads/t/thread.json", typeof thread === "string" ? thread : JSON.stringify(thread));
  put(folder, "threads/t/messages.jsonl", lines);
  return folder;
}

const line = (id: string | number | undefined, text: unknown, more: object = {}): string =>
  `${JSON.stringify({ id, role: "user", content: [{ type: "text", text: { value: text, annotations: [] } }], ...more })}\n`;

describe("Jan 0.4", () => {
  test("threads, texts, times and order are kept", async () => {
    const { store, report } = await importing(oldFolder("jan-0.4"));
    expect([report.from, taken(report)]).toEqual(["jan", { thread: 2, message: 6, model: 1 }]);
    const { thread, messages, said } = await imported(store, "jan_1706000000");
    expect(thread).toMatchObject({
      title: "What is the capital of France?",
      created_at: 1_706_000_000,
      assistants: [
        {
          assistant_id: "jan",
          assistant_name: "Jan",
          instructions: "Answer briefly.",
          model: { id: "tinyllama-1.1b", settings: { ctx_len: 2048 }, parameters: { temperature: 0.7 }, engine: "nitro" },
        },
      ],
    });
    // The last message, at any length, is in the thread itself.
    expect(thread.metadata).toEqual({
      imported_id: "jan_1706000000",
      imported_from: "jan",
      imported_updated_at: 1_706_000_030,
    });
    expect(said).toEqual([
      ["user", "What is the capital of France?", 1_706_000_001, "completed"],
      ["assistant", "Paris.", 1_706_000_002, "completed"],
      ["user", "How many live there?", 1_706_000_020, "completed"],
      ["assistant", "About two million, and as many again", 1_706_000_030, "incomplete"],
    ]);
    expect(messages.map(({ metadata }) => metadata.imported_id)).toEqual(
      [1, 2, 3, 4].map((n) => `01HMVA0F00000000000000000${n}`),
    );
    expect(messages.map(({ assistant_id }) => assistant_id)).toEqual([null, "jan", null, "jan"]);
    expect(messages.map(({ completed_at }) => completed_at)).toEqual([1_706_000_001, 1_706_000_002, 1_706_000_020, null]);
  });

  test("the text beside a picture is taken, an answer that failed is not", async () => {
    const { store } = await importing(oldFolder("jan-0.4"));
    expect((await imported(store, "jan_1706100000")).said).toEqual([
      ["user", "What is on this picture?", 1_706_100_001, "completed"],
      ["assistant", "A cat — 猫 🐈.", 1_706_100_005, "completed"],
    ]);
  });

  test("a model is used where it lies, one that was never downloaded is told", async () => {
    const folder = oldFolder("jan-0.4");
    const { store, report } = await importing(folder);
    const { models, assistants } = await contents(store);
    const name = "tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf";
    expect(models).toMatchObject([
      {
        id: "tinyllama-1.1b",
        name: "TinyLlama Chat 1.1B Q4",
        settings: { ctx_len: 4096, prompt_template: expect.stringContaining("{prompt}") },
        parameters: { temperature: 0.7, stop: ["</s>"], frequency_penalty: 0 },
        metadata: { author: "TinyLlama", tags: ["Tiny"], size: 4 },
        files: [{ name, size: 4, path: join(folder, "models/tinyllama-1.1b", name) }],
      },
    ]);
    expect(assistants).toEqual([]);
    expect(told(report)).toEqual([
      "reduced message threads/jan_1706100000/messages.jsonl:1: Its text was taken, an image left out.",
      "skipped assistant assistants/jan/assistant.json: It is built in here too.",
      "skipped message threads/jan_1706100000/messages.jsonl:2: It has no text.",
      `skipped model models/gpt-4/model.json: It runs at "openai", not from a GGUF file on this machine.`,
      "skipped model models/mistral-ins-7b-q4/model.json: Its GGUF file is not there: it was never downloaded, or it was moved.",
    ]);
  });
});

describe("Jan 0.5", () => {
  test("an assistant comes with its threads, the title out of the metadata", async () => {
    const { store, report } = await importing(oldFolder("jan-0.5"));
    expect([report.from, taken(report)]).toEqual(["jan", { thread: 1, message: 4, assistant: 1, model: 2 }]);
    const { assistants } = await contents(store);
    expect(assistants).toEqual([
      {
        id: expect.stringMatching(/^asst_[0-9a-z]{26}$/),
        object: "assistant",
        version: 1,
        created_at: 1_736_899_300,
        name: "Writer",
        description: "Writes",
        avatar: null,
        models: [{ model_id: "llama3.2:3b" }],
        instructions: "You write short stories.",
        events: { in: [], out: [] },
        metadata: { imported_id: "writer", imported_from: "jan", avatar: "✍️", genre: "fable" },
        tools: [],
        temperature: 0.9,
        top_p: 0.8,
      },
    ]);
    const { thread, messages, said } = await imported(store, "01JHKX2V000000000000000000");
    expect(thread).toMatchObject({
      title: "A fable",
      created_at: 1_736_899_400,
      assistants: [{ assistant_id: assistants[0]!.id, assistant_name: "Writer" }],
      metadata: { colour: "green" },
    });
    expect(said).toEqual([
      ["user", "Tell me a fable.", 1_736_899_402, "completed"],
      ["assistant", "A fox met a crow.", 1_736_899_403, "completed"],
      ["user", "And then?", 1_736_899_410, "completed"],
      ["assistant", "The crow sa", 1_736_899_411, "incomplete"],
    ]);
    expect(messages[1]).toMatchObject({
      assistant_id: assistants[0]!.id,
      metadata: { imported_id: "01JHKX300000000000000000AC", imported_from: "jan", token_speed: 31.5 },
    });
  });

  test("model.json and cortex's model.yml stand beside each other", async () => {
    const folder = oldFolder("jan-0.5");
    const { store, report } = await importing(folder);
    const { models } = await contents(store);
    expect(models.map(({ id, files }) => [id, files[0]!.path])).toEqual([
      ["llama3.2-1b-instruct", join(folder, "models/llama3.2-1b-instruct/Llama-3.2-1B-Instruct-Q8_0.gguf")],
      ["llama3.2:3b", join(folder, "models/cortex.so/llama3.2/3b/model.gguf")],
    ]);
    expect(models[1]).toMatchObject({ created: 1_736_899_000, settings: { ctx_len: 8192 }, parameters: { top_p: 0.9 } });
    const start = "threads/01JHKX2V000000000000000000/messages.jsonl";
    expect(told(report)).toEqual([
      "reduced assistant assistants/writer/assistant.json: Its tool that reads files was left out.",
      `reduced model models/llama3.2-1b-instruct/model.json: Its parameter "top_p" was left out: it is not within the range that it can have here.`,
      "skipped assistant assistants/jan/assistant.json: It is built in here too.",
      `skipped message ${start}:1: It is a system message, which has no place in a thread of ours.`,
      `skipped message ${start}:4: It has the role "tool".`,
      "skipped model models/alone/alone.gguf: No model.json or model.yml that can be used describes it.",
    ]);
  });
});

describe("Jan 0.6", () => {
  test("threads, the changed assistant and the model of llamacpp/", async () => {
    const folder = oldFolder("jan-0.6");
    const { store, report } = await importing(folder);
    expect([report.from, taken(report)]).toEqual(["jan", { thread: 2, message: 3, assistant: 1, model: 1 }]);
    const { assistants, models } = await contents(store);
    // The built-in one stays as it is.
    expect(assistants).toMatchObject([
      {
        id: expect.stringMatching(/^asst_/),
        name: "Jan",
        instructions: "You are a helpful AI assistant.",
        temperature: 0.6,
        metadata: { imported_id: "jan", avatar: "👋", parameters: { top_k: 20 } },
      },
    ]);
    const { thread, said } = await imported(store, "019a0000-5b5f-7000-8000-00000000000a");
    expect(thread).toMatchObject({
      title: "Ponte",
      created_at: 1_751_400_000,
      assistants: [{ assistant_id: assistants[0]!.id, model: { id: "qwen/Qwen3-0.6B-Q8_0", engine: "llamacpp" } }],
      metadata: { imported_updated_at: 1_751_400_060, order: 1, is_favorite: true },
    });
    expect(said).toEqual([
      ["user", "What bridge is this?", 1_751_400_000, "completed"],
      ["assistant", "<think>\nStone, shops.\n</think>\nThe Ponte Vecchio.", 1_751_400_010, "completed"],
      ["user", "Thank you.", 1_751_400_060, "completed"],
    ]);
    expect((await imported(store, "019a0000-7777-7000-8000-00000000000b")).said).toEqual([]);
    expect(models).toMatchObject([
      {
        id: "qwen/Qwen3-0.6B-Q8_0",
        files: [{ size: 4, sha256: expect.any(String), path: join(folder, "llamacpp/models/qwen/Qwen3-0.6B-Q8_0/model.gguf") }],
      },
    ]);
  });
});

describe("cortex", () => {
  test("the order of the file goes before the times", async () => {
    const { store, report } = await importing(oldFolder("cortex"));
    expect([report.from, taken(report), told(report)]).toEqual(["cortex", { thread: 1, message: 2, model: 2 }, []]);
    const { thread, said } = await imported(store, "thread_1a2b3c");
    expect(thread).toMatchObject({
      title: "Primes",
      assistants: [{ assistant_id: "jan" }],
      metadata: { imported_from: "cortex" },
    });
    expect(said).toEqual([
      ["user", "Name a prime.", 1_733_000_002, "completed"],
      ["assistant", "Seven.", 1_733_000_001, "completed"],
    ]);
    expect((await contents(store)).models.map(({ id }) => id)).toEqual(["TheBloke:mine:mine.Q4_K_M.gguf", "tinyllama:1b"]);
  });
});

describe("a broken folder", () => {
  test("gives what can be read of it, and a reason for everything else", async () => {
    const folder = oldFolder("broken");
    put(folder, "models/not-gguf/page.gguf", "<!doctype html><title>404 Not Found</title>");
    const { store, report } = await importing(folder);
    expect((await imported(store, "bad-lines")).said).toEqual([
      ["user", "one", 1_700_000_201, "completed"],
      ["assistant", "two", 1_700_000_202, "completed"],
      ["user", "three, glued", 1_700_000_203, "completed"],
      ["user", "five, behind a cut one", 1_700_000_205, "completed"],
      ["user", "one, but another", 1_700_000_206, "completed"],
      ["assistant", "no id, no time", 1_700_000_206, "completed"],
      ["user", "from the future", 1_700_000_206, "completed"],
    ]);
    expect((await imported(store, "cut-thread")).thread).toMatchObject({ title: "Still here", created_at: 1_700_000_000 });
    expect((await imported(store, "no-record")).thread).toMatchObject({ title: "As a string", created_at: 1_700_000_100 });
    const cut = "It is no JSON object, or only in part: it may have been cut.";
    const lost = "Its messages were taken; what else was known of it is lost.";
    const gone = "Its GGUF file is not there: it was never downloaded, or it was moved.";
    const lines = "threads/bad-lines/messages.jsonl";
    expect(told(report)).toEqual(
      [
        'reduced thread threads/bad-lines: Its assistant "gone" is not in the folder: "jan" stands in its place.',
        `reduced thread threads/cut-thread: thread.json: ${cut} ${lost}`,
        `reduced thread threads/no-record: The folder has no thread.json. ${lost}`,
        `skipped assistant assistants/cut/assistant.json: ${cut}`,
        "skipped assistant assistants/empty/assistant.json: It holds no assistant.",
        `skipped assistant assistants/list/assistant.json: ${cut}`,
        "skipped assistant assistants/none/assistant.json: The folder has no assistant.json.",
        ...[2, 5, 6, 7, 8, 15].map((at) => `skipped message ${lines}:${at}: ${cut}`),
        `skipped message ${lines}:9: It stands in the file once more.`,
        `skipped message ${lines}:12: It says no role.`,
        `skipped message ${lines}:13: It has no text, only an image.`,
        "skipped model models/bad-yaml/model.yml: It is not YAML, or it describes no model.",
        `skipped model models/no-file/model.json: ${gone}`,
        `skipped model models/not-gguf/model.json: Of its file ${folder}/models/not-gguf/page.gguf: It is no GGUF file.`,
        `skipped model models/outside/model.json: ${gone}`,
        "skipped model models/partial/model.yml: Its file has 4 bytes instead of 1000: it was not downloaded to its end.",
        "skipped thread threads/nothing: The folder has no thread.json.",
      ].sort(),
    );
  });

  const said = async (lines: string | Uint8Array, thread?: object | string) => {
    const { store, report } = await importing(folderWith(lines, thread));
    return { said: (await imported(store, "t")).said.map(([, text]) => text), told: told(report), store };
  };

  test("byte order marks, CRLF, NUL bytes and a last line without its end are no hindrance", async () => {
    const lines = `\ufeff${line("1", "a").trim()}\r\n\0\0\0\0${line("2", "b")}${"\0".repeat(4096)}\n\n  \n${line("3", "c").trim()}`;
    const { said: texts, told: reasons } = await said(lines, `\ufeff{"title":"t","created":1700000000}\r\n\0\0`);
    expect(texts).toEqual(["a", "b", "c"]);
    expect(reasons).toEqual(["skipped message threads/t/messages.jsonl:3: It holds nothing but NUL bytes."]);
  });
  test("what is no UTF-8 is mended, and told", async () => {
    const { said: texts, told: reasons } = await said(Buffer.from(line("1", "caf\xe9"), "latin1"));
    expect(texts).toEqual(["caf�"]);
    expect(reasons).toEqual(['reduced message threads/t/messages.jsonl:1: It is not all UTF-8: what is none became "�".']);
  });
  test("a whole file without newlines is read", async () => {
    const all = Array.from({ length: 500 }, (_, n) => line(`${n}`, `text ${n} }{ "`).trim());
    expect((await said(all.join(""))).said).toEqual(all.map((_, n) => `text ${n} }{ "`));
  });
  test("a system message at the beginning becomes the instructions of the thread", async () => {
    const { store, said: texts } = await said(line("0", "Be kind.", { role: "system" }) + line("1", "hi"));
    expect(texts).toEqual(["hi"]);
    expect((await imported(store, "t")).thread.assistants).toEqual([{ assistant_id: "jan", instructions: "Be kind." }]);
  });
  test("times are seconds, milliseconds, text or missing", async () => {
    const at = [1_700_000_001, 1_700_000_002_000, "2023-11-14T22:13:23Z", "1700000004", undefined, 0, -5, {}, 1e300, "soon"];
    const { store } = await said(at.map((created_at, n) => line(n, `${n}`, { created_at })).join(""));
    expect((await imported(store, "t")).messages.map(({ created_at }) => created_at - 1_700_000_000)).toEqual([
      ...[1, 2, 3, 4],
      ...[4, 4, 4, 4, 4, 4],
    ]);
  });
  test("without any time the file's own counts", async () => {
    const folder = folderWith(line(1, "a"), {});
    utimesSync(join(folder, "threads/t/thread.json"), 1_600_000_000, 1_600_000_000);
    const { thread, messages } = await imported((await importing(folder)).store, "t");
    expect([thread.created_at, messages[0]!.created_at]).toEqual([1_600_000_000, 1_600_000_000]);
  });
  test("ids grow in the order of the file, whatever the times", async () => {
    const times = [5, 5, 5, 3, 9, 1, 9, 8].map((n) => 1_700_000_000 + n);
    const { store } = await said(times.map((created_at, n) => line(n, `${n}`, { created_at })).join(""));
    const { messages, said: all } = await imported(store, "t");
    const ids = messages.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect(all.map(([, text, time]) => [text, time])).toEqual(times.map((time, n) => [`${n}`, time]));
  });
  test("metadata beyond the limits is left out and named", async () => {
    const metadata = { fits: { a: [1] }, long: "x".repeat(513), nothing: null, ["k".repeat(65)]: 1 };
    const { store, told: reasons } = await said(line("1", "a"), { title: "t", metadata });
    expect((await imported(store, "t")).thread.metadata).toEqual({ imported_id: "t", imported_from: "jan", fits: { a: [1] } });
    expect(reasons).toEqual([
      `reduced thread threads/t: Of its metadata "long", "${"k".repeat(64)}" did not fit and was left out.`,
    ]);
  });
});

describe("a second run", () => {
  for (const era of ["jan-0.4", "jan-0.5", "jan-0.6", "cortex", "broken"]) {
    test(`takes nothing of ${era}, and neither run touches the folder`, async () => {
      const folder = oldFolder(era);
      const before = snapshot(folder);
      const { store } = await importing(folder);
      const first = await contents(store);
      const report = await bring(store, folder);
      expect(report.taken).toEqual([]);
      expect(told(report).filter((reason) => reason.endsWith(LIKE_NEW)).length).toBe(first.threads.length);
      expect(await contents(store)).toEqual(first);
      expect(snapshot(folder)).toEqual(before);
    });
  }

  test("takes the messages that were added since, behind those that were written here", async () => {
    const folder = folderWith(line("1", "a", { created_at: 1_700_000_001 }) + line(undefined, "ok") + line(undefined, "ok"));
    const { store } = await importing(folder);
    const { thread, messages } = await imported(store, "t");
    expect(messages.length).toBe(3);
    await store.conversations.addMessage(thread.id, () => {
      const { id: _id, thread_id: _thread, ...rest } = messages[0]!;
      return { ...rest, content: [{ type: "text", text: { value: "here", annotations: [] } }] };
    });
    const more = line(undefined, "ok") + line("2", "b", { created_at: 1_700_000_005 }) + line("3", "c", { created_at: 3 });
    put(folder, "threads/t/messages.jsonl", readFileSync(join(folder, "threads/t/messages.jsonl"), "utf8") + more);
    // Jan writes a new time when the title changes.
    put(folder, "threads/t/thread.json", JSON.stringify({ title: "another", created: 1_700_009_999 }));
    const report = await bring(store, folder);
    expect(report.taken).toEqual([{ kind: "thread", old_id: "t", path: "threads/t", id: thread.id, messages: 3 }]);
    const { said: all, thread: same } = await imported(store, "t");
    expect(all.map(([, text]) => text)).toEqual(["a", "ok", "ok", "here", "ok", "b", "c"]);
    expect(same).toEqual(thread);
    expect((await bring(store, folder)).taken).toEqual([]);
  });

  test("leaves deleted messages deleted", async () => {
    const folder = folderWith(line("1", "a") + line("2", "b") + line("3", "c"));
    const { store } = await importing(folder);
    const { thread, messages } = await imported(store, "t");
    await store.conversations.removeMessage(thread.id, messages[1]!.id);
    const report = await bring(store, folder);
    expect(told(report)[0]).toContain("messages.jsonl:2: Later ones of the thread were imported before");
    expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(["a", "c"]);
  });

  test("goes on where a record of ours is damaged", async () => {
    const folder = oldFolder("jan-0.4");
    const driver = memory();
    const first = makeStore(driver);
    await bring(first, folder);
    const { thread } = await imported(first, "jan_1706000000");
    await driver.setItem!(`threads:${thread.id}`, "{", {});
    await driver.setItem!("models:tinyllama-1.1b", "{", {});
    expect(told(await bring(makeStore(driver), folder))).toEqual(
      expect.arrayContaining([
        "skipped thread threads/jan_1706000000: It was imported before, and its record here is damaged.",
        `skipped model models/tinyllama-1.1b/model.json: Another model "tinyllama-1.1b" is installed already.`,
        `skipped thread threads/jan_1706100000: ${LIKE_NEW}`,
      ]),
    );
  });
});

describe("killed in the middle, at every write", () => {
  /** Fails from the nth write on, as the writes of a process do that is gone. */
  function mortal(driver: Driver, writes: number): Driver {
    const count =
      <T extends unknown[]>(write: (...args: T) => unknown) =>
      async (...args: T): Promise<void> => {
        if (writes-- <= 0) throw new Error("killed");
        await write(...args);
      };
    return {
      ...driver,
      setItem: count(driver.setItem!),
      setItemRaw: count(driver.setItemRaw!),
      removeItem: count(driver.removeItem!),
      dispose: () => {},
    };
  }

  for (const era of ["jan-0.4", "jan-0.5", "jan-0.6", "cortex", "broken"]) {
    test(`${era}: the second run ends as one undisturbed run does`, async () => {
      const folder = oldFolder(era);
      const { store } = await importing(folder);
      const whole = await contents(store);
      for (let writes = 0; ; writes++) {
        const driver = { ...memory(), dispose: () => {} };
        const error = await bring(makeStore(mortal(driver, writes)), folder).then(
          () => undefined,
          (reason: Error) => reason,
        );
        if (error === undefined) break;
        const again = makeStore(driver);
        await bring(again, folder);
        expect(await contents(again)).toEqual(whole);
      }
    });
  }

  test("also while it takes what was added", async () => {
    const start = Array.from({ length: 3 }, (_, n) => line(n, `${n}`)).join("");
    const folder = folderWith(start);
    const added = start + Array.from({ length: 40 }, (_, n) => line(n + 3, `${n + 3}`)).join("");
    for (const writes of [0, 1, 7, 16, 17, 39]) {
      put(folder, "threads/t/messages.jsonl", start);
      const driver = { ...memory(), dispose: () => {} };
      await bring(makeStore(driver), folder);
      put(folder, "threads/t/messages.jsonl", added);
      await failure(bring(makeStore(mortal(driver, writes)), folder));
      const store = makeStore(driver);
      await bring(store, folder);
      expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(Array.from({ length: 43 }, (_, n) => `${n}`));
    }
  });

  test("what an earlier run has left and the folder does not hold any more is gone", async () => {
    const folder = folderWith(line("1", "a") + line("2", "b") + line("3", "c"));
    const driver = { ...memory(), dispose: () => {} };
    await failure(bring(makeStore(mortal(driver, 3)), folder));
    put(folder, "threads/t/messages.jsonl", line("1", "a") + line("3", "c"));
    const store = makeStore(driver);
    await bring(store, folder);
    expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(["a", "c"]);
  });
});

describe("links", () => {
  test("are not followed, and told", async () => {
    const folder = folderWith(line("1", "a"));
    const other = folderWith(line("1", "secret"));
    put(other, "model.gguf", "GGUF");
    mkdirSync(join(folder, "threads/u"));
    mkdirSync(join(folder, "models/m"), { recursive: true });
    mkdirSync(join(folder, "models/n"), { recursive: true });
    symlinkSync(join(other, "threads/t"), join(folder, "threads/linked"));
    symlinkSync(join(other, "threads/t/messages.jsonl"), join(folder, "threads/u/messages.jsonl"));
    symlinkSync(join(other, "threads"), join(folder, "assistants"));
    put(folder, "models/m/model.json", JSON.stringify({ id: "m", sources: [{ filename: "m.gguf" }] }));
    symlinkSync(join(other, "model.gguf"), join(folder, "models/m/m.gguf"));
    put(folder, "models/n/model.json", JSON.stringify({ id: "n", sources: [{ filename: "n.gguf" }] }));
    put(folder, "models/real.gguf", "GGUF");
    symlinkSync(join(folder, "models/real.gguf"), join(folder, "models/n/n.gguf"));
    symlinkSync(other, join(folder, "models/elsewhere"));
    const { store, report } = await importing(folder);
    expect(taken(report)).toEqual({ thread: 1, message: 1 });
    expect(JSON.stringify(await contents(store))).not.toContain("secret");
    const link = "It is a link or no regular folder: links are not followed.";
    expect(told(report)).toEqual(
      expect.arrayContaining([
        `skipped assistant assistants: ${link}`,
        `skipped thread threads/linked: ${link}`,
        expect.stringMatching(/^skipped thread threads\/u\/messages.jsonl: It is no regular file/),
        `skipped model models/elsewhere: ${link}`,
        expect.stringMatching(/^skipped model models\/m\/model.json: /),
        expect.stringMatching(/^skipped model models\/n\/model.json: .*links are not read/),
      ]),
    );
  });

  test("to the old folder itself are fine", async () => {
    const link = join(emptyFolder(), "jan");
    symlinkSync(oldFolder("jan-0.4"), link);
    expect(taken((await importing(link)).report)).toEqual({ thread: 2, message: 6, model: 1 });
  });
});

describe("a model", () => {
  const jan6 = (yaml: string): string => {
    const folder = emptyFolder();
    put(folder, "llamacpp/models/a/model.yml", yaml);
    return folder;
  };

  test("with an absolute path is used there, and its file outlives its removal", async () => {
    const elsewhere = emptyFolder();
    put(elsewhere, "mine.gguf", "GGUF");
    const path = join(elsewhere, "mine.gguf");
    const { store } = await importing(jan6(`name: a\nmodel_path: ${path}\n`));
    expect((await contents(store)).models[0]!.files).toMatchObject([{ name: "mine.gguf", size: 4, path }]);
    const library = createLibrary({ records: store.models, weights: join(emptyFolder(), "weights") });
    expect(await library.remove("a")).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("GGUF");
  });
  test("in several parts is taken with all of them, or not at all", async () => {
    const folder = jan6("name: a\nmodel_path: llamacpp/models/a/m-00001-of-00003.gguf\n");
    for (const part of [1, 2]) put(folder, `llamacpp/models/a/m-0000${part}-of-00003.gguf`, "GGUF");
    expect(told((await importing(folder)).report)).toEqual([
      `skipped model llamacpp/models/a/model.yml: Of its file ${folder}/llamacpp/models/a/m-00003-of-00003.gguf: It is not there.`,
    ]);
    put(folder, "llamacpp/models/a/m-00003-of-00003.gguf", "GGUF");
    const { models } = await contents((await importing(folder)).store);
    expect(models[0]).toMatchObject({ id: "a", metadata: { size: 12 } });
    expect(models[0]!.files.map(({ name }) => name)).toEqual([1, 2, 3].map((n) => `m-0000${n}-of-00003.gguf`));
  });
  test("of another id that is installed already stays as it is", async () => {
    const { store } = await importing(oldFolder("cortex"));
    const { models } = await contents(store);
    expect(told(await bring(store, oldFolder("cortex"))).filter((reason) => reason.includes("model"))).toEqual(
      expect.arrayContaining([expect.stringContaining('Another model "tinyllama:1b" is installed already.')]),
    );
    expect((await contents(store)).models).toEqual(models);
  });
  test("with an id that cannot be one is skipped", async () => {
    const folder = emptyFolder();
    put(folder, "models/m/model.json", JSON.stringify({ id: "x".repeat(300), sources: [{ filename: "m.gguf" }] }));
    put(folder, "models/m/m.gguf", "GGUF");
    expect(told((await importing(folder)).report)).toEqual([
      "skipped model models/m/model.json: It has no id, or one that is too long.",
    ]);
  });
});

describe("what is no old folder", () => {
  const sentence = async (path: string): Promise<string> => {
    const error = await failure(bring(makeStore(), path));
    expect(error.name).toBe("ImportError");
    return error.message;
  };

  test("is refused with a sentence", async () => {
    const empty = emptyFolder();
    expect(await sentence(empty)).toStartWith(`${empty} is no data folder of Jan or cortex: `);
    expect(await sentence(join(empty, "nope"))).toBe(`There is no folder ${join(empty, "nope")}. Check the path.`);
    put(empty, "file", "text");
    expect(await sentence(join(empty, "file"))).toBe(
      `${join(empty, "file")} is no folder. Name the data folder of Jan or cortex.`,
    );
    expect(await sentence(FIXTURES)).toContain("is no data folder of Jan or cortex");
    put(empty, "ingle.json", "{}");
    mkdirSync(join(empty, "threads"));
    expect(await sentence(empty)).toBe(`${empty} is a data folder of ingle itself. Use it with --data instead.`);
  });
  test("may have the data folder in its data/, as Jan's configuration folder has", async () => {
    const folder = emptyFolder();
    put(folder, "data/threads/t/messages.jsonl", line("1", "a"));
    expect(taken((await importing(folder)).report)).toEqual({ thread: 1, message: 1 });
  });
  test("an empty Jan is imported: nothing is taken", async () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, "threads"));
    expect((await importing(folder)).report).toEqual({ from: "jan", taken: [], reduced: [], skipped: [] });
  });
});

describe("hostile input", () => {
  const LIMIT_MS = 30_000;
  const timed = async (lines: string | Uint8Array, thread?: object | string) => {
    const folder = folderWith(lines, thread);
    const start = performance.now();
    const result = await importing(folder);
    expect(performance.now() - start).toBeLessThan(LIMIT_MS);
    rmSync(folder, { recursive: true });
    return result;
  };
  const deep = (open: string, close: string, levels: number): string => open.repeat(levels) + close.repeat(levels);

  test("nesting of any depth overflows nothing", async () => {
    const nested = deep('{"a":', "1}", 200_000).replace("1}", "1}");
    const cut = '{"a":['.repeat(300_000);
    const { report } = await timed(
      [nested, deep("[", "]", 1_000_000), cut, `{"id":"d","role":"user","content":${deep("[", "]", 40)}}`, line("1", "a")].join(
        "\n",
      ),
      deep('{"a":', "1}", 200_000),
    );
    expect(taken(report)).toEqual({ thread: 1, message: 1 });
    expect(report.skipped.length).toBe(4);
    const folder = emptyFolder();
    put(folder, "assistants/a/assistant.json", deep("[", "]", 400_000));
    put(folder, "models/m/model.yml", deep("[", "]", 100_000));
    put(
      folder,
      "models/n/model.yml",
      `a: &a [x,x,x,x,x,x]\n${"bcdefghij".replaceAll(/./g, (c, at) => `${c}: &${c} [${`*${"abcdefghi"[at]},`.repeat(6)}]\n`)}`,
    );
    expect(taken((await importing(folder)).report)).toEqual({});
  });
  test("a line of a million small objects, and one of a million brackets, cost little", async () => {
    const { report } = await timed(
      [`{}`.repeat(1_000_000), '{"'.repeat(500_000), '{"a":"\\'.repeat(100_000), line("1", "a")].join("\n"),
    );
    expect(taken(report)).toEqual({ thread: 1, message: 1 });
    // Not a sentence for each of them.
    expect(report.skipped.length).toBeLessThanOrEqual(100);
  });
  test("a line of 300 MB is passed over in little memory", async () => {
    const folder = folderWith(line("1", "a"));
    const path = join(folder, "threads/t/messages.jsonl");
    truncateSync(path, 300_000_000);
    put(folder, "threads/u/thread.json", '{"id":"u","title":"U"}');
    put(folder, "threads/u/messages.jsonl", line("1", "b"));
    const before = process.memoryUsage.rss();
    const { report } = await importing(folder);
    expect(process.memoryUsage.rss() - before).toBeLessThan(250_000_000);
    expect(taken(report)).toEqual({ thread: 2, message: 2 });
    expect(told(report)).toEqual(["skipped message threads/t/messages.jsonl:2: It is longer than any message."]);
    rmSync(folder, { recursive: true });
  });
  test("a text that is too long for a message is skipped, and its neighbours are not", async () => {
    const { store, report } = await timed(line("1", "a") + line("2", "x".repeat(20_000_000)) + line("3", "c"));
    expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(["a", "c"]);
    expect(told(report)).toEqual([expect.stringMatching(/jsonl:2: It takes \d+ characters, more than a message can keep\.$/)]);
  });
  test("names of things to come do nothing", async () => {
    const folder = folderWith(
      `${'{"__proto__":{"role":"user"},"constructor":1,"role":"user","id":"__proto__","content":"a","metadata":{"__proto__":{"x":1}}}'}\n`,
      `{"__proto__":{"title":"p"},"title":"t","assistants":[{"assistant_id":"__proto__"}]}`,
    );
    put(folder, "threads/constructor/messages.jsonl", line("1", "b"));
    const { store, report } = await importing(folder);
    expect(taken(report)).toEqual({ thread: 2, message: 2 });
    expect((await imported(store, "t")).thread.assistants).toMatchObject([{ assistant_id: "jan" }]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
  test("fields of the wrong type are as good as missing", async () => {
    const odd = [null, 1, true, "x", [], {}, [[]], [null]];
    const lines = odd.flatMap((value, n) => [
      { id: value, role: "user", content: "a", created_at: value, metadata: value, attachments: value, status: value },
      { id: `c${n}`, role: "user", content: value },
      { id: `p${n}`, role: "user", content: [{ type: value, text: value }] },
      { id: `v${n}`, role: value, content: [{ type: "text", text: { value, annotations: value } }] },
    ]);
    const text = lines.map((value) => `${JSON.stringify(value)}\n`).join("");
    for (const value of odd) {
      const { report } = await importing(
        folderWith(text, { id: value, title: value, assistants: value, created: value, metadata: value }),
      );
      expect(taken(report).message).toBeGreaterThanOrEqual(odd.length);
      const thread = { assistants: [{ assistant_id: value, assistant_name: value, instructions: value, model: value }, value] };
      expect(taken((await importing(folderWith(line("1", "a"), thread))).report)).toEqual({ thread: 1, message: 1 });
      const folder = emptyFolder();
      put(
        folder,
        "assistants/a/assistant.json",
        JSON.stringify({
          id: value,
          name: value,
          description: value,
          avatar: value,
          model: value,
          instructions: value,
          tools: value,
          metadata: value,
          parameters: value,
          temperature: value,
          created_at: value,
        }),
      );
      for (const [name, manifest] of Object.entries({
        m: {
          id: value,
          model: value,
          sources: value,
          files: value,
          settings: value,
          parameters: value,
          metadata: value,
          engine: value,
          version: value,
        },
        n: {
          sources: [value],
          settings: { ctx_len: value, llama_model_path: value },
          parameters: { stop: value, temperature: value },
          metadata: { tags: value },
        },
      })) {
        put(folder, `models/${name}/model.json`, JSON.stringify(manifest));
        put(folder, `models/${name}/w.gguf`, "GGUF");
      }
      expect(taken((await importing(folder)).report)).toMatchObject({ assistant: 1, model: 2 });
    }
  });
  test("pipes do not block, and files of others are told", async () => {
    const folder = folderWith(line("1", "a"));
    mkdirSync(join(folder, "threads/pipe"));
    expect(Bun.spawnSync(["mkfifo", join(folder, "threads/pipe/messages.jsonl")]).success).toBe(true);
    put(folder, "threads/locked/messages.jsonl", line("1", "b"));
    chmodSync(join(folder, "threads/locked/messages.jsonl"), 0);
    linkSync(join(folder, "threads/t/messages.jsonl"), join(folder, "threads/pipe/thread.json"));
    const { report } = await importing(folder);
    expect(told(report)).toContainEqual(expect.stringContaining("threads/pipe/messages.jsonl: It is no regular file"));
    // Root may read everything.
    if (process.getuid?.() !== 0) expect(told(report)).toContainEqual(expect.stringContaining("may not be read by this user"));
  });
});

test("ten thousand messages of one thread are taken in seconds, in order", async () => {
  const count = 10_000;
  const all = Array.from({ length: count }, (_, n) => line(`m${n}`, `text ${n}`, { created_at: 1_700_000_000 + (n % 7) }));
  const folder = folderWith(all.join(""));
  const start = performance.now();
  const { store, report } = await importing(folder);
  expect(performance.now() - start).toBeLessThan(20_000);
  expect(taken(report)).toEqual({ thread: 1, message: count });
  expect((await imported(store, "t")).said.map(([, text]) => text)).toEqual(all.map((_, n) => `text ${n}`));
  expect((await bring(store, folder)).taken).toEqual([]);
  expect(NOW).toBeGreaterThan(0);
});
