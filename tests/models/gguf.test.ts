import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GgufError, type GgufHeader, readGguf, readGgufFile } from "../../models/gguf/header.ts";
import { KEPT_DATA } from "../support/real-model.ts";
import { array, floats, joined, pair, raw, text, u32, u64 } from "../../models/gguf/writer.ts";
import { corpus, tinyGguf } from "../support/tiny-gguf.ts";

const REAL = join(KEPT_DATA, "weights", "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
const folder = mkdtempSync(join(tmpdir(), "ingle-gguf-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tiny = tinyGguf();
const TINY_HEADER = 7_840;

interface Parts {
  magic?: string;
  version?: number;
  keys?: Uint8Array[];
  key_count?: number | bigint;
  tensors?: Uint8Array[];
  tensor_count?: number | bigint;
  /** Bytes after the header. */
  data?: number;
}

function gguf(parts: Parts): Uint8Array<ArrayBuffer> {
  const { magic = "GGUF", version = 3, keys = [], tensors = [], data = 4_096 } = parts;
  const counts = [u64(parts.tensor_count ?? tensors.length), u64(parts.key_count ?? keys.length)];
  return joined([raw(magic), u32(version), ...counts, ...keys, ...tensors, new Uint8Array(data)]);
}

function tensor(name: string, dims: (number | bigint)[], type = 0, offset: number | bigint = 0): Uint8Array {
  return joined([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)]);
}

/** `size` false: as of a download whose length is not told. */
function readBytes(bytes: Uint8Array, { size = true } = {}): Promise<GgufHeader> {
  return readGguf(async (at, length) => bytes.subarray(at, at + length), size ? bytes.length : undefined);
}

const sentenceOf = (reading: Promise<GgufHeader>): Promise<string> =>
  reading.then(
    () => "It was read.",
    (error: unknown) => (error instanceof GgufError ? error.message : `Another error: ${error}`),
  );

describe("the header of a model", () => {
  test("of the tiny model is read to the byte", async () => {
    expect(await readBytes(tinyGguf({ template: "{{ messages }}" }))).toEqual({
      version: 3,
      tensor_count: 21,
      ...{ bos_token: 1, eos_token: 2 },
      architecture: "llama",
      ...{ fill_in: false, vector_length: 64, rank_head: false },
      type: undefined,
      name: "tiny",
      author: undefined,
      license: undefined,
      size_label: undefined,
      file_type: undefined,
      quantization: "F32",
      weight_type: "F32",
      chat_template: "{{ messages }}",
      context_length: 512,
      block_count: 2,
      embedding_length: 64,
      feed_forward_length: 128,
      head_count: 4,
      head_count_kv: 4,
      key_length: 16,
      value_length: 16,
      sliding_window: undefined,
      state_length: 0,
      vocab_size: 268,
      merge_count: 0,
      split: undefined,
      parameters: 116_544,
      tensor_bytes: 466_176,
      ...{ embedding_bytes: 68_608, output_bytes: 68_608, tied: false },
      exact: true,
      header_bytes: TINY_HEADER + 64,
      file_bytes: tiny.length + 64,
    });
  });

  test.skipIf(!existsSync(REAL))(`of the real model (skipped where ${REAL} is missing)`, async () => {
    expect(await readGgufFile(REAL)).toMatchObject({
      architecture: "llama",
      license: "apache-2.0",
      size_label: "135M",
      quantization: "Q4_1",
      context_length: 8_192,
      block_count: 30,
      head_count: 9,
      head_count_kv: 3,
      key_length: 64,
      vocab_size: 49_152,
      parameters: 134_515_008,
      exact: true,
      file_bytes: 98_362_432,
      chat_template: expect.stringContaining("<|im_start|>"),
    });
  });

  test("version 2 is read, and a file whose length is not known", async () => {
    const two = tinyGguf({ mutate: (bytes) => bytes.set(u32(2), 4) });
    expect(await readBytes(two, { size: false })).toMatchObject({ version: 2, parameters: 116_544 });
  });

  test("is the same however few bytes a read gives, as long as it gives what it is asked for", async () => {
    const asked: [number, number][] = [];
    const read = async (at: number, length: number) => {
      asked.push([at, length]);
      return tiny.subarray(at, at + length);
    };
    expect(await readGguf(read, tiny.length)).toEqual(await readBytes(tiny));
    expect(asked).toEqual([[0, 65_536]]);
  });

  test("heads, layers and states of other architectures", async () => {
    const u32s = (...values: number[]) => array(4, values.map(u32));
    const keys = [
      pair("general.architecture", 8, text("jamba")),
      pair("general.file_type", 4, u32(15)),
      pair("jamba.block_count", 4, u32(3)),
      pair("jamba.embedding_length", 4, u32(64)),
      pair("jamba.feed_forward_length", 9, u32s(10, 200, 30)),
      pair("jamba.attention.head_count", 9, u32s(0, 4, 0)),
      pair("jamba.attention.head_count_kv", 9, u32s(0, 2, 0)),
      pair("jamba.attention.sliding_window", 10, u64(1_024)),
      pair("jamba.ssm.conv_kernel", 4, u32(4)),
      pair("jamba.ssm.inner_size", 4, u32(128)),
      pair("jamba.ssm.state_size", 4, u32(16)),
    ];
    expect(await readBytes(gguf({ keys }))).toMatchObject({
      quantization: "Q4_K_M",
      feed_forward_length: 200,
      head_count: [0, 4, 0],
      head_count_kv: [0, 2, 0],
      key_length: 16,
      sliding_window: 1_024,
      state_length: 3 * 128 + 128 * 16,
    });
  });

  test("experts that work together are as wide as all of them", async () => {
    const of = (name: string, value: number) => pair(`qwen3moe.${name}`, 4, u32(value));
    const keys = [pair("general.architecture", 8, text("qwen3moe")), of("feed_forward_length", 100), of("expert_used_count", 8)];
    expect(await readBytes(gguf({ keys }))).toMatchObject({ feed_forward_length: 800 });
    const own = [...keys, of("expert_feed_forward_length", 64)];
    expect(await readBytes(gguf({ keys: own }))).toMatchObject({ feed_forward_length: 512 });
  });

  test("a part of a split model says which", async () => {
    const keys = [pair("split.no", 2, u32(1).slice(0, 2)), pair("split.count", 2, u32(3).slice(0, 2))];
    const header = await readBytes(gguf({ keys: [...keys, pair("split.tensors.count", 5, u32(99))] }));
    expect(header.split).toEqual({ no: 1, count: 3, tensors: 99 });
    expect(header.architecture).toBeUndefined();
  });

  test("a tensor of a type that only a newer llama.cpp knows is as long as the way to the next one", async () => {
    const tensors = [tensor("a", [8], 0, 0), tensor("b", [256], 99, 32), tensor("c", [32], 8, 256), tensor("d", [32], 77, 320)];
    expect(await readBytes(gguf({ tensors }))).toMatchObject({
      parameters: 8 + 256 + 32 + 32,
      tensor_bytes: 32 + 224 + 34,
      exact: false,
      quantization: "Q8_0",
      weight_type: "Q8_0",
    });
  });

  test("its alignment moves the tensors", async () => {
    const keys = [pair("general.alignment", 4, u32(128))];
    const tensors = [tensor("a", [8], 0, 0), tensor("b", [8], 0, 128)];
    expect(await readBytes(gguf({ keys, tensors }))).toMatchObject({ header_bytes: 128, file_bytes: 128 + 128 + 32 });
  });

  test("10,000 tensors and a vocabulary of 32 MB are read in 4 MiB at a time", async () => {
    const words = Array.from({ length: 1_500_000 }, (_, index) => text(`word ${index} of many`));
    const tensors = Array.from({ length: 10_000 }, (_, index) => tensor(`t${index}`, [8], 0, 32 * index));
    const keys = [pair("tokenizer.ggml.tokens", 9, array(8, words)), pair("tokenizer.ggml.scores", 9, array(6, [floats([0])]))];
    const bytes = gguf({ keys, tensors, data: 32 * 10_001 });
    const lengths: number[] = [];
    const read = async (at: number, length: number) => {
      lengths.push(length);
      return bytes.subarray(at, at + length);
    };
    expect(await readGguf(read, bytes.length)).toMatchObject({ vocab_size: 1_500_000, tensor_count: 10_000, parameters: 80_000 });
    expect(Math.max(...lengths)).toBe(4 * 1024 * 1024);
  });

  test("a long array of numbers is passed over unread", async () => {
    const scores = joined([u32(6), u64(3_000_000), new Uint8Array(12_000_000)]);
    const bytes = gguf({ keys: [pair("tokenizer.ggml.scores", 9, scores), pair("general.name", 8, text("after"))] });
    let total = 0;
    const read = async (at: number, length: number) => {
      total += length;
      return bytes.subarray(at, at + length);
    };
    expect(await readGguf(read, bytes.length)).toMatchObject({ name: "after" });
    expect(total).toBeLessThan(200_000);
  });
});

describe("what is not a model is refused with a sentence", () => {
  const llama = (...keys: Uint8Array[]) => [pair("general.architecture", 8, text("llama")), ...keys];
  const file = (parts: Parts) => gguf(parts);
  const cases: [name: string, bytes: Uint8Array, sentence: string][] = [
    ["empty", new Uint8Array(), "The file is empty."],
    ["a web page", raw("\n <!doctype html><p>404"), "The file is a web page, not a model."],
    ["a pointer", raw("version https://git-lfs.github.com/spec/v1\noid"), "The file is a pointer of Git LFS, not the model"],
    ["another magic", file({ magic: "ggjt" }), 'The file is not GGUF: it begins with "ggjt".'],
    ["control characters", raw("\x1b[31mred"), 'The file is not GGUF: it begins with "?[31".'],
    ["the magic alone", raw("GGUF"), "The file is cut: it has 4 bytes and ends within its header."],
    ["half of the magic", raw("GG"), "The file is cut: it has 2 bytes and ends within its header."],
    [
      "version 1",
      file({ version: 1 }),
      "The file is a GGUF of version 1, which is no longer read. Take a newer file of the model.",
    ],
    ["version 0", file({ version: 0 }), "The file is a GGUF of version 0, and ingle reads versions 2 and 3."],
    ["version 4", file({ version: 4 }), "The file is a GGUF of version 4, and ingle reads versions 2 and 3."],
    ["big-endian", file({ version: 3 << 24 }), "The file is a GGUF for big-endian machines. Take the little-endian one."],
    ["2^60 keys", file({ key_count: 2n ** 60n }), "The file is damaged: it is said to have 1152921504606847000 keys."],
    ["-1 tensors", file({ tensor_count: -1n }), "The file is damaged: it is said to have 18446744073709552000 tensors."],
    ["more keys than bytes", file({ key_count: 1_000, data: 0 }), "The file is cut: it has 24 bytes and ends within its header."],
    ["an empty key", file({ keys: [pair("", 4, u32(1))] }), "a key of its header is said to have 0 bytes."],
    [
      "a key of 2^63",
      file({ keys: [joined([u64(2n ** 63n), raw("k")])] }),
      "a key of its header is said to have 9223372036854776000 bytes.",
    ],
    ["a key twice", file({ keys: [pair("a", 4, u32(1)), pair("a", 4, u32(1))] }), 'its header has the key "a" twice.'],
    ["type 13", file({ keys: [pair("a", 13, u32(1))] }), 'the value of "a" is of type 13, which does not exist.'],
    ["an array of arrays", file({ keys: [pair("a", 9, array(9, [array(4, [u32(1)])]))] }), "of type 9, which cannot be nested."],
    ["an array of type 99", file({ keys: [pair("a", 9, joined([u32(99), u64(1e6)]))] }), "is of type 99, which does not exist."],
    [
      "an array of 2^61",
      file({ keys: [pair("a", 9, joined([u32(4), u64(2n ** 61n)]))] }),
      "is said to have 9223372036854776000 bytes.",
    ],
    ["an array of -1", file({ keys: [pair("a", 9, joined([u32(0), u64(-1n)]))] }), "is said to have 18446744073709552000 bytes."],
    ["2^40 texts", file({ keys: [pair("a", 9, joined([u32(8), u64(2n ** 40n)]))] }), "bytes and ends within its header."],
    ["an array past the end", file({ keys: [pair("a", 9, joined([u32(4), u64(2_000)]))] }), "bytes and ends within its header."],
    [
      "a text of 2^63",
      file({ keys: [pair("a", 8, u64(2n ** 63n))] }),
      "a text in its header is said to have 9223372036854776000 bytes.",
    ],
    ["a text of 2^31", file({ keys: [pair("a", 8, u64(2 ** 31))] }), "a text in its header is said to have 2147483648 bytes."],
    ["a text past the end", file({ keys: [pair("a", 8, u64(1e6))] }), "bytes and ends within its header."],
    ["a name of 2^62", file({ keys: [pair("general.name", 8, u64(2n ** 62n))] }), '"general.name" is said to have 46116860184'],
    [
      "a huge template",
      file({ keys: [pair("tokenizer.chat_template", 8, text("x".repeat(2 ** 21)))] }),
      '"tokenizer.chat_template" in the file has 2097152 bytes, and at most 1048576 are read.',
    ],
    ["a number for a text", file({ keys: [pair("general.architecture", 4, u32(1))] }), '"general.architecture" is not text.'],
    [
      "a text for a number",
      file({ keys: llama(pair("llama.block_count", 8, text("2"))) }),
      '"llama.block_count" is not a whole number.',
    ],
    [
      "a negative number",
      file({ keys: llama(pair("llama.context_length", 5, u32(-1))) }),
      '"llama.context_length" is not a whole number.',
    ],
    [
      "a fraction",
      file({ keys: llama(pair("llama.embedding_length", 6, floats([0.5]))) }),
      'embedding_length" is not a whole number.',
    ],
    [
      "NaN",
      file({ keys: llama(pair("llama.attention.head_count", 9, array(6, [floats([NaN])]))) }),
      "holds what is not a whole number.",
    ],
    [
      "no array of tokens",
      file({ keys: [pair("tokenizer.ggml.tokens", 4, u32(3))] }),
      '"tokenizer.ggml.tokens" is not an array.',
    ],
    ["2^32 layers", file({ keys: llama(pair("llama.block_count", 4, u32(-1))) }), "it is said to have 4294967295 layers."],
    [
      "part 7 of 3",
      file({ keys: [pair("split.no", 4, u32(6)), pair("split.count", 4, u32(3))] }),
      "it is said to be file 7 of 3.",
    ],
    ["alignment 0", file({ keys: [pair("general.alignment", 4, u32(0))] }), "aligned to 0 bytes, which is not a power of 2."],
    ["alignment 48", file({ keys: [pair("general.alignment", 4, u32(48))] }), "aligned to 48 bytes, which is not a power of 2."],
    ["alignment 2^31", file({ keys: [pair("general.alignment", 4, u32(2 ** 31))] }), "aligned to 2147483648 bytes"],
    ["a tensor's name of 64", file({ tensors: [tensor("t".repeat(64), [8])] }), "the name of a tensor is said to have 64 bytes."],
    ["a tensor twice", file({ tensors: [tensor("t", [8]), tensor("t", [8], 0, 32)] }), 'it has the tensor "t" twice.'],
    ["5 dimensions", file({ tensors: [tensor("t", [1, 1, 1, 1, 1])] }), 'the tensor "t" is said to have 5 dimensions.'],
    [
      "2^32 dimensions",
      file({ tensors: [joined([text("t"), u32(-1)])] }),
      'the tensor "t" is said to have 4294967295 dimensions.',
    ],
    ["a dimension of -1", file({ tensors: [tensor("t", [-1n])] }), "is said to have 18446744073709552000 elements."],
    [
      "2^96 elements",
      file({ tensors: [tensor("t", [2 ** 32, 2 ** 32, 2 ** 32])] }),
      "have 4294967296 × 4294967296 × 4294967296 elements",
    ],
    [
      "2^64 × 0 elements",
      file({ tensors: [tensor("t", [2n ** 63n, 2, 0])] }),
      "is said to have 9223372036854776000 × 2 × 0 elements.",
    ],
    ["half a block", file({ tensors: [tensor("t", [48], 3)] }), 'of the tensor "t" has 48 elements, and Q4_1 stores them by 32.'],
    [
      "a far offset",
      file({ tensors: [tensor("t", [8], 0, 2n ** 40n)] }),
      'the tensor "t" is said to begin at 1099511627776 instead of 0.',
    ],
    [
      "an offset of 2^63",
      file({ tensors: [tensor("t", [8], 0, 2n ** 63n)] }),
      "said to begin at 9223372036854776000 instead of 0.",
    ],
    [
      "an overlap",
      file({ tensors: [tensor("t", [99], 0), tensor("u", [8], 0, 32)] }),
      '"u" is said to begin at 32 instead of 416.',
    ],
    [
      "a skewed offset",
      file({ tensors: [tensor("t", [32], 88), tensor("u", [8], 0, 33)] }),
      '"u" is said to begin at 33 instead of 0.',
    ],
    ["far, unknown", file({ tensors: [tensor("t", [8], 88), tensor("u", [8], 0, 2n ** 60n)] }), "parameters in 11529215046068"],
    ["a tensor past the end", file({ tensors: [tensor("t", [2_000])] }), "and its header needs 8064."],
    [
      "a tensor of 2^52",
      file({ tensors: [tensor("t", [2 ** 26, 2 ** 26])] }),
      "is said to hold 4503599627370496 parameters in 18014398509",
    ],
  ];
  for (const [name, bytes, sentence] of cases) {
    test(name, async () => {
      const started = performance.now();
      expect(await sentenceOf(readBytes(bytes))).toContain(sentence);
      expect(performance.now() - started).toBeLessThan(100);
    });
  }

  test("names in a sentence are short, and harmless to a terminal", async () => {
    const key = `\x1b]0;${"long".repeat(100)}\u202e`;
    const sentence = await sentenceOf(readBytes(gguf({ keys: [pair(key, 99, u32(0))] })));
    expect(sentence).toMatch(/^The file is damaged: the value of "\?]0;[long]{60}…" is of type 99, which does not exist\.$/);
  });

  test("a folder, a pipe, and what is not there", async () => {
    const pipe = join(folder, "pipe.gguf");
    spawnSync("mkfifo", [pipe]);
    for (const path of [folder, pipe]) expect(await sentenceOf(readGgufFile(path))).toContain("not a file");
    const missing = (await readGgufFile(join(folder, "missing.gguf")).catch((error: unknown) => error)) as NodeJS.ErrnoException;
    expect(missing.code).toBe("ENOENT");
  });
});

describe("a damaged header", () => {
  /** Reads or refuses, and fast; a slow machine has three tries. */
  const survived = async (bytes: Uint8Array): Promise<string> => {
    let sentence = "";
    let best = Infinity;
    for (let tries = 0; tries < 3 && best >= 100; tries++) {
      const started = performance.now();
      sentence = await sentenceOf(readBytes(bytes));
      best = Math.min(best, performance.now() - started);
    }
    expect(best).toBeLessThan(100);
    expect(sentence).toMatch(/^(It was read\.|The file is .*\.)$/);
    return sentence;
  };

  for (const { name, bytes } of corpus()) {
    test(`${name}: read or refused`, async () => {
      await survived(bytes);
    });
  }

  test("cut at any length is cut", async () => {
    for (let length = 1; length < TINY_HEADER; length += length < 300 ? 1 : 7) {
      expect(await survived(tiny.slice(0, length))).toBe(`The file is cut: it has ${length} bytes and ends within its header.`);
    }
    for (let length = TINY_HEADER; length < tiny.length; length += 9_999) {
      expect(await survived(tiny.slice(0, length))).toBe(`The file is cut: it has ${length} bytes, and its header needs 474016.`);
    }
  });

  test("with 1 to 4 bytes of it changed, 400 times, is read or refused", async () => {
    const random = generator(1);
    const sentences = new Set<string>();
    for (let round = 0; round < 400; round++) {
      const bytes = tiny.slice();
      for (let count = 1 + random(4); count > 0; count--) bytes[random(TINY_HEADER)] = random(256);
      sentences.add(await survived(bytes));
    }
    expect(sentences.size).toBeGreaterThan(20);
  });

  test("with an integer of it at an extreme, 600 times, is read or refused", async () => {
    const random = generator(2);
    const extremes = [
      0n,
      1n,
      -1n,
      2n ** 15n,
      2n ** 31n - 1n,
      2n ** 31n,
      2n ** 32n,
      2n ** 53n,
      2n ** 60n,
      2n ** 63n - 1n,
      2n ** 63n,
    ];
    for (let round = 0; round < 600; round++) {
      const value = u64(extremes[random(extremes.length)]!);
      // Where the keys and the tensors are, more than in the vocabulary.
      const place = [random(600), TINY_HEADER - 1_300 + random(1_292), random(TINY_HEADER - 8)][round % 3]!;
      const bytes = tiny.slice();
      bytes.set(round % 2 ? value : value.slice(0, 4), place);
      await survived(bytes);
    }
  });

  // In a process of its own, whose peak is its own.
  const MEMORY = `
    const { readGgufFile } = await import(process.argv[2]);
    await readGgufFile(process.argv[3]);
    const before = process.resourceUsage().maxRSS;
    const said = await readGgufFile(process.argv[4]).then(() => "read", (error) => error.name);
    console.log(JSON.stringify({ said, kilobytes: process.resourceUsage().maxRSS - before }));
  `;
  const long = (index: number, length: number) => String(index).padStart(length, "k");
  const heavy: [name: string, said: string, bytes: () => Uint8Array][] = [
    [
      "as many empty texts as a header can hold",
      "GgufError",
      () => gguf({ keys: [pair("a", 9, joined([u32(8), u64(1e9)]))], data: 60 * 2 ** 20 }),
    ],
    [
      "as many long keys and arrays as are kept",
      "read",
      () => gguf({ keys: Array.from({ length: 1_024 }, (_, i) => pair(long(i, 1_024), 9, array(0, Array(512).fill(raw("x"))))) }),
    ],
    [
      "as many tensors with long names as are allowed",
      "read",
      () => gguf({ tensors: Array.from({ length: 16_384 }, (_, i) => tensor(long(i, 63), [1, 1, 1, 0])) }),
    ],
    [
      "texts as long as are kept",
      "read",
      () =>
        gguf({ keys: ["name", "architecture", "license"].map((key) => pair(`general.${key}`, 8, text("ü€".repeat(200_000)))) }),
    ],
    [
      "a vocabulary of 32 MB",
      "read",
      () => gguf({ keys: [pair("tokenizer.ggml.tokens", 9, array(8, Array(1_500_000).fill(text("a word of some"))))] }),
    ],
  ];
  for (const [name, said, bytes] of heavy) {
    test(`${name}: less than 64 MB of memory`, () => {
      const [script, small, large] = ["memory.mjs", "small.gguf", "large.gguf"].map((file) => join(folder, file)) as [
        string,
        ...string[],
      ];
      writeFileSync(script, MEMORY);
      writeFileSync(small!, tiny);
      writeFileSync(large!, bytes());
      const args = [script, import.meta.resolve("../../models/gguf/header.ts"), small!, large!];
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      expect(stderr).toBe("");
      const measured = JSON.parse(stdout) as { said: string; kilobytes: number };
      expect(measured.said).toBe(said);
      expect(measured.kilobytes).toBeLessThan(64_000);
    });
  }
});

/** Whole numbers below a limit, the same ones for a seed every time. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
