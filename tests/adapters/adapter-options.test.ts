// What a model's record asks of its engine, for real: each option changes what is computed, in the same way on both engines.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { type AdapterOptions, CACHE_TYPES } from "../../models/adapter-options.ts";
import { collect } from "../support/collect.ts";
import { ask, tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { startPrompts } from "../support/prompts.ts";
import { tinyLora } from "../support/tiny-lora.ts";

const SLOW = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ingle-options-"));
const prompts = startPrompts();
afterAll(async () => {
  await prompts.close();
  rmSync(folder, { recursive: true });
});

// A name that the command line of llama-server would take apart.
const lora = join(folder, 'small, "odd":1.gguf');
const copy = join(folder, "copy.gguf");
for (const path of [lora, copy]) writeFileSync(path, tinyLora());
const heads_of_32 = { head_count: 2, context_length: 512 };
const model = await tinyModel(heads_of_32);
const PROMPT = "hello world the hello a t e hello world hello the world a e o t and more of it, so that places differ";

/** No first byte of a longer character, which would come with the bytes behind it. */
const TEXT = Object.fromEntries(Array.from({ length: 128 }, (_, at) => [3 + 128 + at, -100]));

interface Seen {
  context_length: number;
  /** The likeliest first tokens with their logprobs. */
  top: Map<string, number>;
}

async function see(adapter: Adapter, adapter_options: AdapterOptions, context = 512): Promise<Seen> {
  const { signal } = new AbortController();
  const engine = await adapter.load({ ...model, adapter_options }, { slots: 1, context, threads: 1 }, signal);
  try {
    const top = new Map<string, number>();
    for await (const event of engine.chat(ask(PROMPT, { max_tokens: 1, logprobs: { top: 20 }, logit_bias: TEXT }), signal)) {
      if (event.type !== "text") continue;
      for (const { bytes, logprob } of event.logprobs?.[0]?.top_logprobs ?? []) top.set(String(bytes), logprob);
    }
    return { context_length: engine.context_length, top };
  } finally {
    await engine.close();
  }
}

/** The largest difference between the logprobs of tokens that both have. */
function distance({ top: one }: Seen, { top: other }: Seen): number {
  const shared = [...one.keys()].filter((token) => other.has(token));
  return shared.length < 5 ? Infinity : Math.max(...shared.map((token) => Math.abs(one.get(token)! - other.get(token)!)));
}

/** The tiny model has 32-bit weights: so much apart are the same numbers, added up in another order. */
const SAME = 0.002;
const QUANTISED = CACHE_TYPES.filter((type) => /_/.test(type));

const CHANGES: [name: string, options: AdapterOptions][] = [
  ...QUANTISED.map((type): [string, AdapterOptions] => [
    `keys and values in ${type}`,
    { cache_type_k: type, cache_type_v: type },
  ]),
  ["keys alone in q4_0, without flash attention", { cache_type_k: "q4_0", flash_attention: false }],
  ["another base of the positions, which is a whole number", { rope_freq_base: 1_000_000 }],
  ["positions spread evenly", { rope_scaling: "linear", rope_factor: 4 }],
  ["positions spread by YaRN", { rope_scaling: "yarn", rope_factor: 4 }],
  ["positions spread by YaRN from less", { rope_scaling: "yarn", rope_factor: 2.5, rope_original_context: 256 }],
  ["a LoRA", { lora: [{ path: lora }] }],
  ["a part of a LoRA", { lora: [{ path: lora, scale: 0.25 }] }],
  [
    "two LoRAs",
    {
      lora: [
        { path: lora, scale: 0.5 },
        { path: copy, scale: -0.25 },
      ],
    },
  ],
];

const SAME_AS_BEFORE: [name: string, options: AdapterOptions][] = [
  ["keys and values in f32", { cache_type_k: "f32", cache_type_v: "f32" }],
  ["no flash attention", { flash_attention: false }],
  ["flash attention", { flash_attention: true }],
  ["layers for a graphics card, where there is none", { gpu_layers: 1 }],
  ["a way of pooling, which chats do not use", { pooling: "last" }],
  ["a LoRA of which nothing is added", { lora: [{ path: lora, scale: 0 }] }],
  ["no scaling of positions", { rope_scaling: "none" }],
];

const ENGINES = await nativeEngines(prompts);
const plain = new Map<string, Promise<Seen>>();
const seen = new Map<string, Seen>();

for (const [engine, adapter, skip] of ENGINES) {
  describe.skipIf(skip !== undefined)(`${engine}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    const unchanged = () => plain.get(engine) ?? plain.set(engine, see(adapter, {})).get(engine)!;

    test.each(CHANGES)(
      "%s: other numbers",
      async (name, options) => {
        const changed = await see(adapter, options);
        seen.set(`${engine} ${name}`, changed);
        expect(changed.top.size).toBe(20);
        expect(distance(changed, await unchanged())).toBeGreaterThan(SAME);
      },
      SLOW,
    );

    test.each(SAME_AS_BEFORE)(
      "%s: the same numbers",
      async (_name, options) => {
        expect(distance(await see(adapter, options), await unchanged())).toBeLessThan(SAME);
      },
      SLOW,
    );

    test.each<[AdapterOptions, context: number]>([
      [{ rope_scaling: "linear", rope_factor: 4 }, 2048],
      [{ rope_scaling: "yarn", rope_factor: 2, rope_original_context: 256 }, 512],
      [{ rope_scaling: "none" }, 512],
      [{}, 512],
    ])(
      "%j: a slot holds at most %d tokens",
      async (options, context) => {
        expect((await see(adapter, options, 4096)).context_length).toBe(context);
      },
      SLOW,
    );

    test(
      "a conversation that was saved with other keys and values is read anew",
      async () => {
        const kv_cache = { folder: join(folder, engine, "tiny"), bytes: 1e9 };
        const { signal } = new AbortController();
        const cachedWith = async (adapter_options: AdapterOptions): Promise<number> => {
          const loaded = await adapter.load(
            { ...model, adapter_options },
            { slots: 1, context: 512, threads: 1, kv_cache },
            signal,
          );
          const { finish } = await collect(loaded.chat(ask(PROMPT.repeat(4), { max_tokens: 1, repeatable: false }), signal));
          await loaded.close();
          return finish.usage.cached_tokens;
        };
        const smaller: AdapterOptions = { cache_type_k: "q8_0", cache_type_v: "q8_0" };
        const cached: number[] = [];
        for (const options of [{}, smaller, {}, smaller]) cached.push(await cachedWith(options));
        expect(cached.map((count) => count > 100)).toEqual([false, false, true, true]);
      },
      SLOW,
    );

    test(
      "what the engine cannot do fails its load, in words",
      async () => {
        const missing = join(folder, "gone.gguf");
        const refused: AdapterOptions[] = [
          { cache_type_v: "q8_0", flash_attention: false },
          { lora: [{ path: missing }] },
          { lora: [{ path: model.path }] },
        ];
        for (const options of refused) await expect(see(adapter, options)).rejects.toMatchObject({ code: "model_load_failed" });
      },
      SLOW,
    );
  });
}

describe.skipIf(ENGINES.some(([, , skip]) => skip !== undefined))("both engines", () => {
  // Quantised keys are rounded anew for each step: what differs a little before may differ more behind.
  test.each(CHANGES)("%s: the same numbers on each", (name) => {
    const [one, other] = ENGINES.map(([engine]) => seen.get(`${engine} ${name}`)!);
    expect(distance(one!, other!)).toBeLessThan(/keys/.test(name) ? 0.02 : SAME);
  });
});
