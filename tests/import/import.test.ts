// `ingle import` on old folders of every era, whole and broken: what becomes of what lies in them.
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { contents, folderWith, imported, importing, line, oldFolder, put, taken, told } from "../support/old-folder.ts";

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
    const cut = "It is not a JSON object, or only in part: it may have been cut.";
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
        `skipped model models/not-gguf/model.json: Of its file ${folder}/models/not-gguf/page.gguf: It is not a GGUF file.`,
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
  test("what is not UTF-8 is mended, and told", async () => {
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
