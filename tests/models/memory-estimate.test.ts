import { describe, expect, test } from "bun:test";
import { CHECKPOINTS, type ContextLoad, estimateMemory, largestContext } from "../../models/memory-estimate.ts";
import type { AdapterOptions } from "../../models/adapter-options.ts";
import { availableMemory, type MemoryProbe, totalMemory } from "../../models/machine-memory.ts";
import { type GgufHeader, readGguf } from "../../models/gguf/header.ts";
import { windowedLayers } from "../../models/gguf/sliding-window.ts";
import { pair, text, u32, VALUE, writeGguf } from "../../models/gguf/writer.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Slots, context, and the peak of the engine's process in MiB: see fit.ts. */
const MEASURED = [
  [1, 512, 298],
  [2, 512, 314],
  [4, 512, 339],
  [1, 4_096, 384],
  [2, 4_096, 476],
  [4, 4_096, 659],
  [1, 8_192, 473],
] as const;

const header = (more: Partial<GgufHeader> = {}): GgufHeader => ({
  version: 3,
  tensor_count: 272,
  architecture: "llama",
  quantization: "Q4_1",
  context_length: 8_192,
  block_count: 30,
  embedding_length: 576,
  feed_forward_length: 1_536,
  head_count: 9,
  head_count_kv: 3,
  key_length: 64,
  value_length: 64,
  sliding_window: undefined,
  state_length: 0,
  vocab_size: 49_152,
  ...{ fill_in: false, vector_length: 576, rank_head: false },
  merge_count: 48_900,
  parameters: 134_515_008,
  tensor_bytes: 96_576_768,
  ...{ embedding_bytes: 17_694_720, output_bytes: 17_694_720, tied: true },
  exact: true,
  header_bytes: 1_785_664,
  file_bytes: 98_362_432,
  ...more,
});

const largest = (of: GgufHeader, { slots }: Pick<ContextLoad, "slots">, available: number, extra_bytes = 0): number =>
  largestContext(of.context_length, (context) => estimateMemory(of, { slots, context }, extra_bytes).total <= available);

describe("what a model needs", () => {
  test.each<[AdapterOptions, bytes: number]>([
    [{ cache_type_k: "f32", cache_type_v: "f32" }, 8],
    [{}, 4],
    [{ cache_type_k: "q8_0" }, 2 + 34 / 32],
    [{ cache_type_v: "q4_0" }, 2 + 18 / 32],
    [{ cache_type_k: "q8_0", cache_type_v: "q8_0" }, 2 * (34 / 32)],
  ])("keys and values as %j have %d bytes for each pair of numbers", (options, bytes) => {
    const { context } = estimateMemory(header(), { slots: 2, context: 4_096 }, 0, options);
    const pairs = 2 * 4_096 * 30 * 3 * 64;
    expect(context).toBe(pairs * bytes);
  });

  test("its weights are its tensors, and those of its other files", () => {
    const load = { slots: 1, context: 512 };
    expect(estimateMemory(header(), load).weights).toBe(96_576_768);
    expect(estimateMemory(header(), load, 1_000).weights).toBe(96_577_768);
    const { weights, context, compute, total } = estimateMemory(header(), load);
    expect(total).toBe(weights + context + compute);
  });

  test("its context is what llama.cpp says it allocates for SmolLM2", () => {
    for (const [slots, context, mebibytes] of [
      [1, 512, 11.25],
      [2, 512, 22.5],
      [4, 512, 45],
      [1, 4_096, 90],
      [4, 4_096, 360],
      [4, 8_192, 720],
    ] as const) {
      expect(estimateMemory(header(), { slots, context }).context).toBe(mebibytes * MiB);
    }
  });

  test("a context is rounded up to 256 tokens, for each slot", () => {
    expect(estimateMemory(header(), { slots: 3, context: 257 })).toEqual(estimateMemory(header(), { slots: 3, context: 512 }));
    expect(estimateMemory(header(), { slots: 3, context: 257 }).context).toBe(3 * 512 * 30 * 3 * 128 * 2);
  });

  test("a model that sees texts in both directions keeps nothing of them, and computes each at once", () => {
    const encoder = header({ architecture: "bert", vocab_size: 30_522, merge_count: 0 });
    expect(estimateMemory(encoder, { slots: 4, context: 512 }).context).toBe(0);
    const compute = (context: number): number => estimateMemory(encoder, { slots: 4, context }).compute / MiB;
    expect([compute(8_192) > 7 * (compute(512) - 136), compute(32_768) < 1.5 * compute(8_192)]).toEqual([true, true]);
  });

  test("a model for embeddings that could write has likelihoods of all tokens that it computes at a time", () => {
    const [last, rank] = [3, 4].map((pooling_type) => header({ pooling_type }));
    const compute = (of: GgufHeader): number => estimateMemory(of, { slots: 1, context: 8_192 }).compute / MiB;
    const logits = (4 * 49_152 * 512) / MiB;
    expect(compute(last!) - compute(header())).toBeWithin(0.9 * logits, logits);
    expect(compute(rank!) - compute(header())).toBeGreaterThan(4 * logits);
  });

  test("heads that differ from layer to layer are added up, those beyond the last layer left out", () => {
    const some = header({
      block_count: 4,
      head_count: [8, 0, 8, 0, 9],
      head_count_kv: [2, 0, 4, 0, 99],
      key_length: 10,
      value_length: 6,
    });
    expect(estimateMemory(some, { slots: 2, context: 256 }).context).toBe(2 * 256 * 6 * 16 * 2);
  });

  test("a recurrent model needs as much for a long text as for a short one", () => {
    const mamba = header({
      head_count: 0,
      head_count_kv: 0,
      key_length: 0,
      value_length: 0,
      state_length: 1_000,
      block_count: 10,
    });
    const short = estimateMemory(mamba, { slots: 2, context: 256 }).context;
    expect(short).toBe(2 * 10 * 1_000 * 4);
    expect(estimateMemory(mamba, { slots: 2, context: 8_192 }).context).toBe(short);
  });

  test("a header that says nothing of its network still has a need", () => {
    const none = {
      context_length: undefined,
      block_count: 0,
      embedding_length: 0,
      feed_forward_length: 0,
      vocab_size: 0,
      merge_count: 0,
    };
    const need = estimateMemory(header({ ...none, head_count: 0, head_count_kv: [] }), { slots: 1, context: 512 });
    expect(need).toMatchObject({ weights: 96_576_768, context: 0 });
    expect(need.compute).toBeGreaterThan(100 * MiB);
  });

  test("all in all it is at most a tenth above what was measured for SmolLM2, and never below", () => {
    for (const [slots, context, mebibytes] of MEASURED) {
      const need = estimateMemory(header(), { slots, context }).total / MiB;
      expect(need).toBeWithin(mebibytes, 1.1 * mebibytes);
    }
  });

  test("more of anything never needs less", () => {
    const loads = [1, 2, 4].flatMap((slots) => [256, 512, 4_096, 8_192].map((context) => ({ slots, context })));
    for (const load of loads) {
      const { total } = estimateMemory(header(), load);
      expect(estimateMemory(header(), { ...load, slots: load.slots + 1 }).total).toBeGreaterThan(total);
      expect(estimateMemory(header(), { ...load, context: load.context + 256 }).total).toBeGreaterThan(total);
      for (const more of [
        { block_count: 31 },
        { head_count_kv: 4 },
        { vocab_size: 50_000 },
        { tensor_bytes: 1e9 },
        { key_length: 65 },
      ]) {
        expect(estimateMemory(header(more), load).total).toBeGreaterThan(total);
      }
    }
  });

  test("a header with any of its integers changed that is still read has a finite need", async () => {
    const bytes = tinyGguf();
    let read = 0;
    for (let at = 24; at < 600; at++) {
      const changed = bytes.slice();
      changed.set([0xff, 0xff, 0xff, 0xff], at);
      const header = await readGguf(async (from, length) => changed.subarray(from, from + length)).catch(() => undefined);
      if (!header) continue;
      read++;
      expect(estimateMemory(header, { slots: 4, context: 4_096 }).total).toBeWithin(1, Number.MAX_VALUE);
      expect(largest(header, { slots: 1 }, 2 * GiB)).toBeGreaterThanOrEqual(0);
    }
    expect(read).toBeGreaterThan(50);
  });
});

describe("the largest context", () => {
  test("fits, and 256 tokens more would not", () => {
    for (const slots of [1, 2, 4, 7]) {
      for (let available = 350 * MiB; available < 1_400 * MiB; available += 51 * MiB) {
        const context = largest(header(), { slots }, available);
        if (context > 0) expect(estimateMemory(header(), { slots, context }).total).toBeLessThanOrEqual(available);
        if (context < 8_192) expect(estimateMemory(header(), { slots, context: context + 256 }).total).toBeGreaterThan(available);
      }
    }
  });

  test("takes back what the need of a context was", () => {
    for (const context of [256, 512, 4_096, 7_936]) {
      const { total } = estimateMemory(header(), { slots: 4, context }, 5_000);
      expect(largest(header(), { slots: 4 }, total, 5_000)).toBe(context);
      expect(largest(header(), { slots: 4 }, total - 1, 5_000)).toBe(context - 256);
    }
  });

  test("is the trained one where there is room, rounded down to 256, and 0 where there is none", () => {
    expect(largest(header(), { slots: 4 }, 64 * GiB)).toBe(8_192);
    expect(largest(header({ context_length: 1_000 }), { slots: 4 }, 64 * GiB)).toBe(768);
    expect(largest(header({ context_length: 100 }), { slots: 4 }, 64 * GiB)).toBe(256);
    expect(largest(header({ context_length: undefined }), { slots: 4 }, 1_024 * GiB)).toBe(131_072);
    expect(largest(header(), { slots: 4 }, 100 * MiB)).toBe(0);
    expect(largest(header(), { slots: 4 }, -1)).toBe(0);
  });
});

describe("the memory of this machine", () => {
  const machine = (files: Record<string, string>, more: Partial<MemoryProbe> = {}): MemoryProbe => ({
    read: (path) => files[path],
    freemem: () => 3 * GiB,
    totalmem: () => 16 * GiB,
    platform: () => "linux",
    ...more,
  });
  const meminfo = "MemTotal:       16777216 kB\nMemFree:          100000 kB\nMemAvailable:    8388608 kB\nBuffers: 1 kB\n";

  test("is what Linux calls available", () => {
    expect(availableMemory(machine({ "/proc/meminfo": meminfo }))).toBe(8 * GiB);
    expect(totalMemory(machine({ "/proc/meminfo": meminfo }))).toBe(16 * GiB);
  });

  test("is what the system calls free elsewhere, and three quarters of all on macOS", () => {
    expect(availableMemory(machine({}))).toBe(3 * GiB);
    expect(availableMemory(machine({ "/proc/meminfo": "MemFree: 1 kB\n" }, { platform: () => "win32" }))).toBe(3 * GiB);
    expect(availableMemory(machine({}, { platform: () => "darwin" }))).toBe(12 * GiB);
  });

  const two = "/sys/fs/cgroup/";
  const limited = {
    "/proc/meminfo": meminfo,
    "/proc/self/cgroup": "0::/user.slice/app.scope\n",
    [`${two}user.slice/app.scope/memory.max`]: "max\n",
    [`${two}user.slice/app.scope/memory.current`]: "1000\n",
    [`${two}user.slice/memory.max`]: `${4 * GiB}\n`,
    [`${two}user.slice/memory.current`]: `${2 * GiB}\n`,
    [`${two}user.slice/memory.stat`]: `anon 5\ninactive_file ${GiB}\nactive_file ${GiB / 2}\nslab 7\n`,
  };

  test("is bounded by the control groups of version 2 above, less what is used without the page cache", () => {
    expect(availableMemory(machine(limited))).toBe(4 * GiB - GiB / 2);
    expect(totalMemory(machine(limited))).toBe(4 * GiB);
  });

  test("is bounded by a container whose own group is its root", () => {
    const files = { "/proc/self/cgroup": "0::/\n", [`${two}memory.max`]: `${GiB}`, [`${two}memory.current`]: `${GiB / 4}` };
    expect(availableMemory(machine({ "/proc/meminfo": meminfo, ...files }))).toBe(0.75 * GiB);
    expect(availableMemory(machine({ "/proc/meminfo": meminfo, ...files, [`${two}memory.current`]: `${2 * GiB}` }))).toBe(0);
  });

  const one = "/sys/fs/cgroup/memory/";
  test("is bounded by the control groups of version 1, where the path may be the host's", () => {
    const files = {
      "/proc/meminfo": meminfo,
      "/proc/self/cgroup": "5:devices:/\n4:cpuset,memory:/docker/abc\n0::/\n",
      [`${one}memory.limit_in_bytes`]: `${2 * GiB}\n`,
      [`${one}memory.usage_in_bytes`]: `${GiB}\n`,
      [`${one}memory.stat`]: `active_file 1\ntotal_inactive_file ${GiB / 4}\ntotal_active_file ${GiB / 4}\n`,
    };
    expect(availableMemory(machine(files))).toBe(1.5 * GiB);
    expect(totalMemory(machine(files))).toBe(2 * GiB);
    const unlimited = { ...files, [`${one}memory.limit_in_bytes`]: "9223372036854771712\n" };
    expect(availableMemory(machine(unlimited))).toBe(8 * GiB);
    expect(totalMemory(machine(unlimited))).toBe(16 * GiB);
  });

  test("is bounded by nothing where the files say nothing that can be read", () => {
    const files = { "/proc/meminfo": meminfo, "/proc/self/cgroup": "garbage\n0::\n\n", [`${two}memory.max`]: "" };
    expect(availableMemory(machine(files))).toBe(8 * GiB);
  });

  test("is known on this machine", () => {
    expect(availableMemory()).toBeWithin(1, totalMemory() + 1);
  });
});

describe("layers with a sliding window", () => {
  const MEASURED_SWA: [
    architecture: string,
    layers: number,
    window: number,
    slots: number,
    context: number,
    mebibytes: number,
  ][] = [
    // Both caches that llama-server says it allocates, of 2 heads 32 wide in each layer, and batches of 512; the second one is also what a
    // checkpoint of all slots takes at most.
    ["gemma3", 12, 512, 1, 512, 0.25 + 1.25 * (1 + CHECKPOINTS)],
    ["gemma3", 12, 512, 4, 32_768, 64 + 10 * (1 + CHECKPOINTS)],
    ["gemma2", 5, 1_000, 1, 512, 0.25 + 0.375 * (1 + CHECKPOINTS)],
    ["gemma2", 5, 1_000, 2, 4_096, 4 + 2.25 * (1 + CHECKPOINTS)],
    ["gemma2", 5, 1_000, 4, 32_768, 64 + 4.5 * (1 + CHECKPOINTS)],
    // One that is not known to have its window in some layers only is estimated as if it had none.
    ["llama", 5, 1_000, 4, 32_768, 5 * 32],
  ];
  test.each(MEASURED_SWA)("%s of %d layers and a window of %d, %d slots of %d: %d MiB", async (...row) => {
    const [architecture, block_count, window, slots, context, mebibytes] = row;
    const key = (name: string, value: number) => pair(`${architecture}.${name}`, VALUE.u32, u32(value));
    const heads = { head_count: 4, head_count_kv: 2, key_length: 32, value_length: 32, sliding_window: window };
    const pairs = [
      ...[pair("general.architecture", VALUE.string, text(architecture)), key("block_count", block_count)],
      ...Object.entries(heads).map(([name, value]) => key(`attention.${name}`, value)),
    ];
    const file = writeGguf(pairs, []);
    const read = await readGguf(async (from, length) => file.subarray(from, from + length));
    const { context: bytes } = estimateMemory(read, { slots, context });
    expect(bytes / MiB).toBe(mebibytes);
  });

  test("are those that the file names, by a period or one by one", () => {
    expect(windowedLayers("gemma3", 4, 2)).toEqual([true, false, true, false]);
    expect(windowedLayers("gemma4", 3, [1, 0, 1, 1])).toEqual([true, false, true]);
    expect(windowedLayers("gemma3", 6, undefined)).toEqual([true, true, true, true, true, false]);
    for (const pattern of [[1], [], 0, -1, 0.5]) expect(windowedLayers("gemma3", 6, pattern)).toBeUndefined();
    expect(windowedLayers("toString", 6, undefined)).toBeUndefined();
  });
});
