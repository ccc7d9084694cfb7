// When engines are asked for their graphics cards, and what a model's place there does to its memory.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { askGraphicsCards } from "../../adapters/node-llama-cpp/ask-graphics-cards.ts";
import { listDevices } from "../../adapters/llama-server/list-devices.ts";
import { commandLineArgs } from "../../adapters/llama-server/command-line.ts";
import { modelOptions } from "../../adapters/node-llama-cpp/load-options.ts";
import { createMemoryEstimator } from "../../src/inference/memory-estimator.ts";
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import { createCardReader } from "../../src/server/graphics-cards.ts";
import { engineProcess } from "../../src/server/adapters.ts";
import { describeCardFit } from "../../src/cli/show.ts";
import { LISTS } from "../support/graphics-cards.ts";
import { PLAIN_TEMPLATE } from "../support/models.ts";
import { withLibrary } from "../support/library.ts";
import { RUNTIME } from "../support/program.ts";
import { record } from "../support/record.ts";
import { startServer } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "ingle-cards-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const card = (free_bytes: number, total_bytes = 8e9): GraphicsCard => ({
  ...{ name: "A card", unified: false },
  ...{ total_bytes, free_bytes },
});

describe("the cards", () => {
  const reader = (answer: () => readonly GraphicsCard[]) => {
    const state = { asked: [] as string[], said: [] as string[], held: 0, now: 0 };
    const read = async (adapter: string) => {
      state.asked.push(adapter);
      return answer();
    };
    const list = () => (state.held === 0 ? [{}] : [{ card_bytes: state.held }, {}]);
    const log = (line: string) => state.said.push(line);
    return { state, ...createCardReader({ read, list, log, now: () => state.now }) };
  };

  test("are asked for at the first use, of the adapter that runs the model, and kept for a minute", async () => {
    const { state, all } = reader(() => [card(6e9)]);
    expect(state.asked).toEqual([]);
    const both = [await all("one"), await all("one"), await all("two")];
    expect(both).toEqual([[card(6e9)], [card(6e9)], [card(6e9)]]);
    expect(state.asked).toEqual(["one", "two"]);
    state.now = 61_000;
    await all("one");
    expect(state.asked).toEqual(["one", "two", "one"]);
  });

  test("are those of a minute ago for a list of models, and those of now for a load", async () => {
    let free = 6e9;
    const { state, all, left } = reader(() => [card(free)]);
    await all("one");
    Object.assign(state, { now: 61_000 });
    free = 3e9;
    expect([await all("one"), await all("one")]).toEqual([[card(6e9)], [card(3e9)]]);
    state.now = 130_000;
    free = 1e9;
    expect(await left("one")).toEqual([card(1e9)]);
  });

  test("are kept while engines of ours hold some of them, of which the next load has the rest", async () => {
    const { state, all, left } = reader(() => [card(6e9)]);
    await all("one");
    Object.assign(state, { now: 1e9, held: 2e9 });
    expect([await all("one"), await left("one")]).toEqual([[card(6e9)], [card(4e9)]]);
    expect(state.asked).toEqual(["one"]);
  });

  test("that cannot be read count as none, which is said once", async () => {
    const { state, all } = reader(() => {
      throw new Error("no driver answers");
    });
    expect(await all("one")).toEqual([]);
    state.now = 61_000;
    await all("one");
    expect(state.said).toEqual(["What one sees of graphics cards is not known: no driver answers. Their memory does not count."]);
  });
});

describe("an engine is asked", () => {
  const program = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return path;
  };
  const env = { PATH: process.env.PATH };

  test("in the words that llama-server knows, and read whatever it prints beside", async () => {
    const { stdout, stderr } = LISTS["Vulkan, a card beside the processor's own"];
    writeFileSync(join(folder, "stdout"), stdout);
    writeFileSync(join(folder, "stderr"), stderr);
    const lists = program(
      "lists",
      `[ "$*" = "--log-verbosity 5 --list-devices" ] || exit 1\ncat "${join(folder, "stdout")}"\ncat "${join(folder, "stderr")}" >&2`,
    );
    expect((await listDevices(lists, env)).map(({ name }) => name)).toEqual(["AMD Radeon RX 7600 (RADV NAVI33)"]);
    expect(listDevices(program("dies", "exit 3"), env)).rejects.toThrow(/exit|fail/i);
  });

  test("and the embedded one says what its library sees, in its own process", async () => {
    const cards = await askGraphicsCards(engineProcess("node-llama-cpp"), process.env);
    expect(Array.isArray(cards)).toBe(true);
    const dies = { program: program("embedded", "exit 3"), args: [] };
    expect(askGraphicsCards(dies, env)).rejects.toThrow("its library does not load");
  }, 60_000);
});

test("a server asks its llama-server once, and a load takes of the card what its model needs there", async () => {
  const data = join(folder, "data");
  const path = join(folder, "served.gguf");
  writeFileSync(path, tinyGguf({ template: PLAIN_TEMPLATE }));
  await withLibrary(data, (library) => library.add(record("tiny", path)));
  const asked = join(folder, "asked");
  const fake = join(folder, "llama-server");
  const text = `echo "$*" >> "${asked}"\nexec "${process.execPath}" "${join(import.meta.dirname, "../support/fake-llama-server.ts")}" "$@"`;
  writeFileSync(fake, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const env = { INGLE_ADAPTER: "llama-server", INGLE_LLAMA_SERVER: fake, GGML_DEVICES: LISTS["two CUDA"].stdout };
  const server = await startServer(RUNTIME, [], { data, env });
  try {
    const get = async (path: string): Promise<any> => (await fetch(`${server.url}${path}`)).json();
    const { fit } = await get("/v1/models/tiny");
    expect(fit).toMatchObject({ place: "card", gpu_layers: 3, layers: 3 });
    expect(fit.cards).toEqual(["NVIDIA GeForce RTX 3090", "NVIDIA GeForce RTX 3060"]);
    const lists = () => readFileSync(asked, "utf8").match(/--list-devices/g);
    expect((await server.chat({ model: "tiny", messages: [{ role: "user", content: "hi" }] })).status).toBe(200);
    const [row] = (await get("/v1/ps")).data;
    expect(row).toMatchObject({ card_bytes: fit.card_bytes, memory_bytes: fit.needed_bytes });
    await get("/v1/models?catalog=true");
    expect(lists()).toHaveLength(1);
  } finally {
    await server.stop();
  }
}, 60_000);

describe("a load", () => {
  const path = join(folder, "long.gguf");
  writeFileSync(path, tinyGguf({ context_length: 131_072 }));
  const model = { id: "long", path, settings: {} };

  test("on a card leaves main memory to others, and takes no more context than the card holds", async () => {
    const { need } = createMemoryEstimator({ budget: () => 100e9 });
    const without = await need(model, {});
    const room = (bytes: number) => need(model, {}, [card(bytes)]);
    const whole = await room(7e9);
    expect(whole).toMatchObject({ load: { slots: 4, context: 32_768 }, gpu_layers: undefined });
    expect(whole.total).toBeLessThan(without.total);
    expect(whole.card_bytes).toBeWithin(without.total - whole.total, 7e9);
    // 640 MB are left free of a card of 8 GB.
    const less = await room(680e6);
    expect(less.load!.context).toBeWithin(4_096, 32_768 - 256);
    expect(less.gpu_layers).toBeUndefined();
  });

  test("of more layers than fit is told how many do, unless somebody has set them", async () => {
    const { need, facts, fitOfFile } = createMemoryEstimator({ slots: 1, context: 65_536, budget: () => 100e9 });
    // 640 MB are left free of a card of 8 GB; what is computed in takes 70 MB, and a layer with 65,536 tokens 17.
    const cards = [card(735e6)];
    const set = { slots: 1, context: 65_536 };
    const part = await need(model, set, cards);
    expect(part.gpu_layers).toBe(2);
    const asked = { ...model, adapter_options: { gpu_layers: 3 } };
    expect((await need(asked, set, cards)).gpu_layers).toBeUndefined();
    const fit = fitOfFile(await facts(model), {}, cards);
    expect(fit).toMatchObject({ place: "card_and_memory", gpu_layers: 2, layers: 3, cards: ["A card"], fits: true });
    expect(describeCardFit(fit)).toMatch(/^2 of 3 layers, about [\d.]+ MB, on A card with 735(\.\d)? MB free$/);
    const too_many = fitOfFile(await facts(asked), {}, cards);
    expect(too_many).toMatchObject({ fits: false, place: null });
    expect(describeCardFit(too_many, 3)).toBe("room for 2 of the 3 layers that are set, on A card with 735 MB free: too much");
  });

  test("has its place: on a card, in part, in main memory alone, or nowhere", async () => {
    const placeIn = async (budget: number, cards: GraphicsCard[]) => {
      const estimator = createMemoryEstimator({ slots: 1, context: 65_536, budget: () => budget });
      return estimator.fitOfFile(await estimator.facts(model), {}, cards).place;
    };
    expect(await placeIn(100e9, [card(7e9)])).toBe("card");
    expect(await placeIn(100e9, [card(735e6)])).toBe("card_and_memory");
    expect(await placeIn(100e9, [card(100e6)])).toBe("memory");
    expect(await placeIn(100e9, [])).toBe("memory");
    expect(await placeIn(10e6, [])).toBeNull();
    // Too much for main memory alone, and not beside a card.
    const { total } = await createMemoryEstimator({ budget: () => 0 }).need(model, { slots: 1, context: 65_536 });
    expect([await placeIn(total - 1, []), await placeIn(total - 1, [card(7e9)])]).toEqual([null, "card"]);
  });

  test("without its file, says the same of all and of a part", () => {
    const { roughFit } = createMemoryEstimator({ slots: 1, context: 4_096, budget: () => 100e9 });
    const known = { context_length: 40_960, metadata: { size: 2_500_000_000, token_bytes: 147_456 }, settings: {} };
    const rough = (...cards: GraphicsCard[]) => roughFit(known as never, cards)!;
    expect(rough(card(7e9))).toMatchObject({ place: "card", cards: ["A card"] });
    expect(describeCardFit(rough(card(7e9)))).toMatch(/^the whole model, about 3\.\d GB, on A card with 7(\.0)? GB free$/);
    expect(describeCardFit(rough(card(3e9)))).toMatch(/^a part, about /);
    expect(describeCardFit(rough(card(5e8)))).toBe("none of it, on A card with 500 MB free: the processor computes");
    expect(rough()).toMatchObject({ place: "memory" });
    expect(describeCardFit(rough())).toBeUndefined();
  });
});

test("the embedded engine is told how many layers fit at most, where nobody has set them", async () => {
  const layers = async (gpu_layers?: number, set?: number) => {
    const path = join(folder, "long.gguf");
    const model = { id: "m", path, settings: {}, ...(set !== undefined && { adapter_options: { gpu_layers: set } }) };
    return (await modelOptions({ ...model, pooling: "mean" }, { gpu_layers })).gpuLayers;
  };
  expect([await layers(), await layers(7), await layers(7, 3)]).toEqual([undefined, { max: 7 }, 3]);
});

test("llama-server is told how many layers fit, where nobody has set them", () => {
  const layers = (gpu_layers?: number, set?: number) => {
    const model = { id: "m", path: "/m.gguf", settings: {}, ...(set !== undefined && { adapter_options: { gpu_layers: set } }) };
    const args = commandLineArgs(model, { slots: 1, context: 512, gpu_layers }, { own_template: false });
    return args.includes("--n-gpu-layers") ? args[args.indexOf("--n-gpu-layers") + 1] : undefined;
  };
  expect([layers(), layers(7), layers(7, 3), layers(undefined, 0)]).toEqual([undefined, "7", "3", "0"]);
});
