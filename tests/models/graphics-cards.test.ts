// What lies on graphics cards: how engines say which there are, and how many layers of a model these hold.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { readDevices } from "../../adapters/llama-server/list-devices.ts";
import { toCards } from "../../adapters/node-llama-cpp/graphics-cards.ts";
import { cardLoad, roughCardLoad } from "../../models/card-load.ts";
import { cardsBeside, type GraphicsCard, graphicsSigns } from "../../models/graphics-cards.ts";
import { estimateMemory, estimateRoughly } from "../../models/memory-estimate.ts";
import type { GgufHeader } from "../../models/gguf/header.ts";
import { ANSWERS, LISTS } from "../support/graphics-cards.ts";
import { run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

type Machine = keyof typeof LISTS;
const listed = (machine: Machine): GraphicsCard[] => readDevices(LISTS[machine].stdout, LISTS[machine].stderr);
const card = (name: string, total: number, free: number, unified = false): GraphicsCard => ({
  ...{ name, unified },
  ...{ total_bytes: total * MiB, free_bytes: free * MiB },
});

describe("llama-server lists", () => {
  test.each<[Machine, GraphicsCard[]]>([
    ["none", []],
    ["a library of algebra", []],
    ["one CUDA", [card("NVIDIA GeForce RTX 3060", 11_909, 11_800)]],
    ["two CUDA", [card("NVIDIA GeForce RTX 3090", 24_124, 23_869), card("NVIDIA GeForce RTX 3060", 11_909, 11_800)]],
    ["Vulkan, a card beside the processor's own", [card("AMD Radeon RX 7600 (RADV NAVI33)", 8_176, 7_500)]],
    ["Vulkan, the processor's own", [card("AMD Radeon 780M (RADV PHOENIX)", 16_031, 15_800, true)]],
    ["Metal", [card("Apple M2 Pro", 21_845, 21_845, true)]],
  ])("%s", (machine, cards) => {
    expect(listed(machine)).toEqual(cards);
  });
});

test("node-llama-cpp tells the memory of all cards together, and whether it is the machine's", () => {
  const cards = (machine: keyof typeof ANSWERS): GraphicsCard[] => {
    const [names, memory] = ANSWERS[machine];
    return toCards(names, memory);
  };
  expect(cards("none")).toEqual([]);
  expect(cards("one CUDA")).toEqual([card("NVIDIA GeForce RTX 3060", 11_909, 11_800)]);
  expect(cards("two CUDA")).toEqual([card("NVIDIA GeForce RTX 3090, NVIDIA GeForce RTX 3060", 36_033, 35_669)]);
  expect(cards("Metal")).toEqual([card("Apple M2 Pro", 21_845, 21_845, true)]);
});

test("what our engines hold is free no more, of each card in proportion", () => {
  const [large, small] = cardsBeside([card("a", 24_000, 20_000), card("b", 12_000, 10_000)], 6_000 * MiB);
  expect([large!.free_bytes, small!.free_bytes]).toEqual([16_000 * MiB, 8_000 * MiB]);
  expect(cardsBeside([card("a", 8_000, 4_000)], 5_000 * MiB)[0]!.free_bytes).toBe(0);
  expect(cardsBeside([card("a", 8_000, 0)], 1)[0]!.free_bytes).toBe(0);
});

describe("a machine shows whether it is worth asking an engine", () => {
  const machine = (platform: string, files: string[]) =>
    graphicsSigns({
      platform,
      exists: (path) => files.some((file) => path.endsWith(file)),
      list: (folder) => files.filter((file) => file.startsWith(`${folder}/`)).map((file) => file.slice(folder.length + 1)),
    });
  test.each([
    ["a server without a card, with a plain screen", "linux", ["/dev/dri/card0"], []],
    ["NVIDIA's driver", "linux", ["/dev/nvidiactl"], ["/dev/nvidiactl"]],
    ["AMD's driver", "linux", ["/dev/kfd", "/dev/dri/renderD128"], ["/dev/kfd", "/dev/dri"]],
    ["Linux within Windows", "linux", ["/dev/dxg"], ["/dev/dxg"]],
    ["a Mac", "darwin", [], ["Metal"]],
    ["Windows without a driver", "win32", [], []],
    ["Windows with NVIDIA's driver", "win32", ["nvcuda.dll"], ["nvcuda.dll"]],
  ])("%s", (_, platform, files, signs) => {
    expect(machine(platform, files)).toEqual(signs);
  });
});

const deno = runtimes().find(({ name }) => name === "deno")!;
test.skipIf(deno.skip !== undefined)("what Deno withholds of that is not there, as with the task of deno.json", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ingle-signs-"));
  const root = join(import.meta.dirname, "../..");
  const script = join(folder, "signs.ts");
  writeFileSync(script, `import { graphicsSigns } from "${root}/models/graphics-cards.ts"; console.log(graphicsSigns().length);`);
  const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as { tasks: { serve: string } };
  for (const read of [root, tasks.serve.match(/--allow-read=(\S+)/)![1]!]) {
    const flags = ["run", "--no-prompt", "--allow-sys", "--allow-env", `--allow-read=${folder},${root},${read}`];
    expect(await run([deno.command[0]!, ...flags, script])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d\n$/) });
  }
  rmSync(folder, { recursive: true });
});

/** Qwen3 4B in Q4_K_M, as its file says. */
const QWEN: GgufHeader = {
  ...{ version: 3, tensor_count: 398, architecture: "qwen3", quantization: "Q4_K_M", context_length: 40_960 },
  ...{ block_count: 36, embedding_length: 2_560, feed_forward_length: 9_728, head_count: 32, head_count_kv: 8 },
  ...{ key_length: 128, value_length: 128, sliding_window: undefined, state_length: 0 },
  ...{ vocab_size: 151_936, merge_count: 151_387, fill_in: true, vector_length: 2_560, rank_head: false },
  ...{ parameters: 4_022_468_096, tensor_bytes: 2_491_335_680, exact: true, header_bytes: 5_950_464, file_bytes: 2_497_286_144 },
  ...{ embedding_bytes: 319_065_600, output_bytes: 319_065_600, tied: true },
};

const place = (cards: GraphicsCard[], context: number, more: Partial<GgufHeader> = {}, gpu_layers?: number) => {
  const header = { ...QWEN, ...more };
  const options = gpu_layers === undefined ? {} : { gpu_layers };
  const load = { slots: 1, context };
  const need = estimateMemory(header, load, 0, options);
  return { need, ...cardLoad(header, { cards, need, load, options }) };
};

describe("of a model, a card holds", () => {
  test("all layers where there is room, and spares main memory all but what tokens begin as", () => {
    const { layers, whole, bytes, spared, need } = place(listed("one CUDA"), 4_096);
    expect([layers, whole]).toEqual([{ held: 37, all: 37 }, true]);
    // The weights and the context are there whole, the shared end of the vocabulary in both.
    expect(need.weights + need.context - spared).toBe(QWEN.embedding_bytes);
    expect(bytes).toBeWithin(need.weights + need.context, need.weights + need.context + GiB);
  });

  test("as many as fit, one more of which would not", () => {
    for (const free of [1_500, 2_000, 2_500, 3_000, 3_500]) {
      const cards = [card("small", 4_096, free)];
      const { layers, whole, bytes } = place(cards, 8_192);
      expect(layers!.held).toBeWithin(1, 37);
      expect(whole).toBe(false);
      expect(bytes).toBeLessThanOrEqual((free - 0.08 * 4_096) * MiB);
      const layer = (QWEN.tensor_bytes - QWEN.embedding_bytes) / 36 + (8_192 * 4_096 * 36) / 36;
      expect(bytes + layer).toBeGreaterThan((free - 0.08 * 4_096) * MiB);
    }
  });

  test("none where not even its output fits, and none where that is set", () => {
    expect(place([card("tiny", 1_024, 400)], 4_096)).toMatchObject({ layers: { held: 0 }, bytes: 0, spared: 0, whole: false });
    expect(place(listed("one CUDA"), 4_096, {}, 0)).toMatchObject({ layers: { held: 0 }, bytes: 0, spared: 0 });
  });

  test("no more than are set", () => {
    expect(place(listed("one CUDA"), 4_096, {}, 20)).toMatchObject({ layers: { held: 20, all: 37 }, whole: false });
    expect(place(listed("one CUDA"), 4_096, {}, 99)).toMatchObject({ layers: { held: 37, all: 37 }, whole: true });
  });

  test("on two cards as much as neither is too small for: layers are spread by what is free", () => {
    const large = { tensor_bytes: 30 * GiB, output_bytes: GiB, tied: false, embedding_bytes: GiB };
    expect(place(listed("one CUDA"), 4_096, large).layers!.held).toBeLessThan(15);
    const { layers, whole, bytes } = place(listed("two CUDA"), 4_096, large);
    expect([layers, whole]).toEqual([{ held: 37, all: 37 }, true]);
    expect(bytes).toBeGreaterThan(29 * GiB);
    // With one of them all but full, the other one gets nearly all.
    const [first, second] = listed("two CUDA");
    const held = place([first!, { ...second!, free_bytes: 100 * MiB }], 4_096, large).layers!.held;
    expect(held).toBeWithin(1, 30);
  });

  test("of memory that is the machine's, nothing that main memory is spared", () => {
    expect(place(listed("Metal"), 4_096)).toMatchObject({ whole: true, spared: 0 });
    expect(place(listed("Vulkan, the processor's own"), 4_096)).toMatchObject({ whole: true, spared: 0 });
  });
});

test("without a header a card holds all or a part", () => {
  const need = estimateRoughly(2_500_000_000, 147_456, { slots: 1, context: 4_096 });
  const rough = (cards: GraphicsCard[], gpu_layers?: number) =>
    roughCardLoad({ cards, need, options: gpu_layers === undefined ? {} : { gpu_layers } });
  expect(rough(listed("one CUDA"))).toMatchObject({ whole: true, spared: need.weights + need.context });
  const part = rough([card("small", 4_096, 2_500)]);
  expect(part).toMatchObject({ whole: false });
  expect(part.spared).toBeWithin(GiB, 2.5 * GiB);
  expect(rough(listed("one CUDA"), 0)).toEqual({ whole: false, bytes: 0, spared: 0 });
  expect(rough(listed("Metal"))).toMatchObject({ whole: true, spared: 0 });
});
