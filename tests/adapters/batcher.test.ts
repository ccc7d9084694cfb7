import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BatchContext } from "../../adapters/node-llama-cpp/addon.ts";
import { type BatcherOptions, createBatcher } from "../../adapters/node-llama-cpp/batcher.ts";
import type { GenerationTask } from "../../adapters/node-llama-cpp/slot.ts";
import { createStateFolder } from "../../adapters/shared/kv-cache/state-folder.ts";
import { MIN_SAVED_TOKENS } from "../../adapters/shared/kv-cache/retention.ts";
import { createSlotStates } from "../../adapters/node-llama-cpp/slot-states.ts";
import { embeddedStateFormat } from "../../adapters/node-llama-cpp/state-file.ts";
import type { TokenSampler } from "../../adapters/node-llama-cpp/token-sampler.ts";
import { eventually } from "../support/server.ts";
import { nativeStates } from "../support/native-states.ts";

type Piece = { sequence: number; position: number; tokens: number[]; logits: boolean };

/** A native context that remembers what it was fed and samples 1000, 1001, …; `steps` are the batches that were decoded. */
function fakeAddon() {
  const steps: Piece[][] = [];
  const held = new Map<number, number>();
  let batch: Piece[] = [];
  let decoding = false;
  let next = 1000;
  const state = { steps, samplers: 0, failDecode: false, trimmable: true };
  /** Of each sample: whether it was asked for while a decode ran. */
  const asked_amid_decode: boolean[] = [];
  const idle = (): void => {
    if (decoding) throw new Error("The context was touched amid a decode.");
  };
  let copying = false;
  const context: BatchContext = {
    initBatch() {
      idle();
      batch = [];
    },
    addToBatch(sequence, position, tokens, logits) {
      if (position !== (held.get(sequence) ?? 0))
        throw new Error(`Sequence ${sequence} is at ${held.get(sequence)}, not ${position}.`);
      batch.push({ sequence, position, tokens: [...tokens], logits: logits.length > 0 });
      return logits.length > 0 ? Uint32Array.of(batch.length) : new Uint32Array();
    },
    async decodeBatch() {
      idle();
      decoding = true;
      await new Promise((done) => setTimeout(done, 1));
      decoding = false;
      if (state.failDecode) throw new Error("decode failed");
      for (const { sequence, position, tokens } of batch) held.set(sequence, position + tokens.length);
      copying = false;
      steps.push(batch);
    },
    disposeSequence(sequence) {
      idle();
      held.delete(sequence);
    },
    removeTokenCellsFromSequence(sequence, from) {
      idle();
      if (state.trimmable) held.set(sequence, from);
      return state.trimmable;
    },
    async copySequenceStateFromOtherSequence(target, source) {
      idle();
      held.set(target, held.get(source)!);
      copying = true;
      return held.get(source)!;
    },
    setThreads: idle,
    ...nativeStates(held, (now) => {
      if (now) idle();
      if (copying) throw new Error("A state was touched before the decode that copies it.");
      decoding = now;
    }),
  };
  const newSampler = (): TokenSampler => {
    state.samplers++;
    return { sample: async () => (asked_amid_decode.push(decoding), { token: next++ }), dispose: () => state.samplers-- };
  };
  return { context, newSampler, state, steps, asked_amid_decode };
}

const prompt = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);

/** Starts a generation of `length` tokens and settles with what it got. */
type TestBatcher = ReturnType<typeof make>["batcher"];

function run(batcher: TestBatcher, tokens: number[], length: number, more: Partial<GenerationTask> = {}) {
  const received: { tokens: number[]; cached: number; read: number[] } = { tokens: [], cached: 0, read: [] };
  let left = length;
  const { promise, resolve, reject } = Promise.withResolvers<typeof received>();
  const stop = batcher.start({
    prompt: tokens,
    samplers: [batcher.newSampler()],
    repeatable: false,
    reuses: true,
    scope: "",
    onPrompt: (read) => received.read.push(read),
    onToken({ token }, { cached }) {
      received.tokens.push(token);
      received.cached = cached;
      if (received.tokens.length === length) resolve(received);
      return --left > 0;
    },
    onError: reject,
    ...more,
  });
  return { promise, stop, received };
}

const make = (options: Partial<BatcherOptions> = {}) => {
  const fake = fakeAddon();
  const { context, newSampler } = fake;
  const batcher = createBatcher(context, { slots: 2, batch: 8, threads: 1, trimmable: true, ...options });
  return { ...fake, batcher: { ...batcher, newSampler } };
};

describe("one generation", () => {
  test("reads its prompt in batches, then one token a step", async () => {
    const { batcher, steps, state } = make();
    const { tokens, read } = await run(batcher, prompt(1, 18), 3).promise;
    expect(steps.map((step) => step.map(({ tokens }) => tokens.length))).toEqual([[8], [8], [2], [1], [1]]);
    expect(steps.map(([piece]) => piece!.logits)).toEqual([false, false, true, true, true]);
    expect(read).toEqual([8, 16]);
    expect(tokens).toEqual([1000, 1001, 1002]);
    await batcher.close(new Error("closed"));
    expect(state.samplers).toBe(0);
  });

  test("is sampled behind each decode, and asked for before that where native calls keep their order", async () => {
    for (const in_order of [false, true]) {
      const { batcher, asked_amid_decode } = make({ in_order });
      const { tokens } = await run(batcher, prompt(1, 10), 3).promise;
      expect(tokens).toEqual([1000, 1001, 1002]);
      expect(asked_amid_decode).toEqual([in_order, in_order, in_order]);
    }
  });

  test("that is stopped takes no further step", async () => {
    const { batcher, steps } = make();
    const { stop, promise } = run(batcher, prompt(1, 4), 100, { onToken: () => true });
    const first = await Promise.race([promise, new Promise((done) => setTimeout(done, 30))]);
    expect(first).toBeUndefined();
    stop();
    await new Promise((done) => setTimeout(done, 5));
    const steps_then = steps.length;
    await new Promise((done) => setTimeout(done, 20));
    expect(steps.length).toBe(steps_then);
  });
});

describe("several generations", () => {
  test("are decoded together", async () => {
    const { batcher, steps } = make();
    await Promise.all([run(batcher, prompt(1, 2), 3).promise, run(batcher, prompt(100, 2), 3).promise]);
    expect(steps.map((step) => step.length)).toEqual([2, 2, 2]);
  });

  test("beyond the slots wait for one, in order", async () => {
    const { batcher, steps } = make({ slots: 1 });
    const turns = [1, 100, 200].map((from) => run(batcher, prompt(from, 2), 2).promise);
    await Promise.all(turns);
    expect(steps.filter(([piece]) => piece!.position === 0).map(([piece]) => piece!.tokens[0])).toEqual([1, 100, 200]);
  });

  test("go on while a long prompt is read beside them, in pieces that leave room", async () => {
    const { batcher, steps } = make();
    const talking = run(batcher, prompt(1, 2), 12);
    await new Promise((done) => setTimeout(done, 4));
    await Promise.all([talking.promise, run(batcher, prompt(100, 20), 1).promise]);
    const both = steps.filter((step) => step.length === 2);
    expect(both.length).toBeGreaterThanOrEqual(3);
    for (const step of both) expect(step.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBeLessThanOrEqual(8);
  });
});

describe("what a slot still holds", () => {
  test("is reused by the next request of the conversation", async () => {
    const { batcher } = make();
    const first = await run(batcher, prompt(1, 10), 3).promise;
    const next = [...prompt(1, 10), ...first.tokens, 50, 51];
    // The last token of an answer was sampled and not fed.
    expect((await run(batcher, next, 1).promise).cached).toBe(12);
  });

  test("is left alone by a prompt that shares little of it", async () => {
    const { batcher } = make();
    await run(batcher, prompt(1, 10), 1).promise;
    expect((await run(batcher, [...prompt(1, 4), ...prompt(100, 10)], 1).promise).cached).toBe(0);
    expect((await run(batcher, [...prompt(1, 10), 60], 1).promise).cached).toBe(10);
  });

  test("is reused however long the new message is", async () => {
    const { batcher } = make();
    await run(batcher, prompt(1, 6), 1).promise;
    expect((await run(batcher, prompt(1, 30), 1).promise).cached).toBe(6);
  });

  test("is read again in part where that makes a whole tile of what is nearly one", async () => {
    const readOf = async (unread: number, more: Partial<GenerationTask> = {}) => {
      const { batcher, steps } = make({ batch: 512 });
      await run(batcher, prompt(1, 100), 1).promise;
      const { cached } = await run(batcher, [...prompt(1, 100), ...prompt(500, unread)], 1, more).promise;
      return [cached, steps.at(-1)![0]!.tokens.length];
    };
    for (const unread of [1, 39, 64, 65, 200]) expect(await readOf(unread)).toEqual([100, unread]);
    for (const unread of [40, 50, 63]) expect(await readOf(unread)).toEqual([36 + unread, 64]);
    expect(await readOf(50, { repeatable: true })).toEqual([0, 150]);
    const short = make({ batch: 512 }).batcher;
    await run(short, prompt(1, 10), 1).promise;
    expect((await run(short, [...prompt(1, 10), ...prompt(500, 45)], 1).promise).cached).toBe(10);
    const whole = make({ batch: 512, trimmable: false }).batcher;
    const { tokens } = await run(whole, prompt(1, 10), 1).promise;
    expect((await run(whole, [...prompt(1, 10), ...prompt(500, 45)], 1).promise).cached).toBe(tokens.length + 9);
  });

  test("is replaced by its own conversation where nothing of it can be reused, and another one's is not", async () => {
    const { batcher } = make();
    await run(batcher, prompt(1, 6), 1).promise;
    await run(batcher, prompt(100, 6), 1).promise;
    // It takes its own slot, though that is not the one that was used longest ago.
    expect((await run(batcher, prompt(100, 7), 1, { repeatable: true }).promise).cached).toBe(0);
    expect((await run(batcher, prompt(1, 7), 1).promise).cached).toBe(6);
  });

  test("is reused by a repeatable request only as far as it was read in whole batches", async () => {
    const { batcher } = make();
    await run(batcher, prompt(1, 18), 1).promise;
    expect((await run(batcher, prompt(1, 18), 1, { repeatable: true }).promise).cached).toBe(16);
  });

  test("is read again where the model cannot forget a part of it", async () => {
    const { batcher } = make({ trimmable: false, slots: 1 });
    await run(batcher, prompt(1, 10), 3).promise;
    expect((await run(batcher, [...prompt(1, 10), 70, 71], 1).promise).cached).toBe(0);
  });

  test("is read again where the native side refuses to forget a part", async () => {
    const { batcher, state } = make({ slots: 1 });
    state.trimmable = false;
    await run(batcher, prompt(1, 10), 3).promise;
    expect((await run(batcher, [...prompt(1, 10), 70, 71], 1).promise).cached).toBe(0);
  });
});

describe("what a slot holds of another API key", () => {
  const own = (batcher: TestBatcher, scope: string, tokens = prompt(1, 20)) => run(batcher, tokens, 1, { scope }).promise;

  test("is never compared with a prompt, and all of that is read", async () => {
    const { batcher, steps } = make({ slots: 1 });
    await own(batcher, "one");
    const before = steps.length;
    const { cached, read } = await own(batcher, "two");
    expect([cached, read]).toEqual([0, [8, 16]]);
    expect(steps.slice(before).map(([piece]) => piece!.tokens.length)).toEqual([8, 8, 4]);
    expect((await own(batcher, "two")).cached).toBe(19);
    expect((await own(batcher, "one")).cached).toBe(0);
  });

  test("keeps its slot as long as there is an empty one", async () => {
    const { batcher } = make({ slots: 3 });
    for (const scope of ["one", "two", "three"]) expect((await own(batcher, scope)).cached).toBe(0);
    for (const scope of ["one", "two", "three"]) expect((await own(batcher, scope)).cached).toBe(19);
  });

  test("goes where many keys share few slots: each is answered, and finds its own again while it is there", async () => {
    const { batcher } = make({ slots: 2 });
    const scopes = Array.from({ length: 12 }, (_, i) => `key ${i}`);
    const all = await Promise.all(scopes.map((scope) => own(batcher, scope)));
    expect(all.map(({ cached }) => cached)).toEqual(scopes.map(() => 0));
    expect((await own(batcher, "key 11")).cached).toBe(19);
    expect((await own(batcher, "key 0")).cached).toBe(0);
    expect((await own(batcher, "key 11")).cached).toBe(19);
  });
});

const root = mkdtempSync(join(tmpdir(), "ingle-slots-"));
afterAll(() => rmSync(root, { recursive: true }));
const LONG = MIN_SAVED_TOKENS + 40;
const KEY = new Uint8Array(32);
let number = 0;

const withStates = (more: Partial<BatcherOptions> = {}, place = join(root, `${number++}`, "tiny")) => {
  const fake = fakeAddon();
  const said: string[] = [];
  const folder = createStateFolder({ folder: place, bytes: 1e9 }, embeddedStateFormat(KEY));
  const states = createSlotStates(fake.context, folder, KEY, (line) => said.push(line));
  const { context, newSampler } = fake;
  const options = { slots: 1, batch: 8, threads: 1, trimmable: true, states, ...more };
  const batcher = { ...createBatcher(context, options), newSampler };
  const files = (): string[] => readdirSync(place).filter((name) => name.endsWith(".kv"));
  return { ...fake, batcher, folder, said, place, files };
};

describe("what a slot no longer holds, with saved states", () => {
  test("is read back when its conversation goes on", async () => {
    const { batcher, steps, said } = withStates();
    const first = await run(batcher, prompt(1, LONG), 3).promise;
    await run(batcher, prompt(5000, LONG), 1).promise;
    const fed = steps.length;
    const next = [...prompt(1, LONG), ...first.tokens, 50, 51];
    expect((await run(batcher, next, 1).promise).cached).toBe(LONG + 2);
    expect(steps.slice(fed).map(([piece]) => piece!.tokens)).toEqual([[first.tokens[2]!, 50, 51]]);
    expect(said).toEqual([]);
  });

  test("is read back by another engine, when this one was closed", async () => {
    const { batcher, place } = withStates();
    await run(batcher, prompt(1, LONG), 1).promise;
    await batcher.close(new Error("closed"));
    const { batcher: other } = withStates({}, place);
    expect((await run(other, [...prompt(1, LONG), 60], 1).promise).cached).toBe(LONG);
  });

  test("is not read back where the prompt is to be read anew", async () => {
    const { batcher } = withStates();
    await run(batcher, prompt(1, LONG), 1).promise;
    await run(batcher, prompt(5000, LONG), 1).promise;
    expect((await run(batcher, [...prompt(1, LONG), 60], 1, { reuses: false }).promise).cached).toBe(0);
    expect((await run(batcher, [...prompt(1, LONG), 60], 1).promise).cached).toBe(LONG);
  });

  test("is read back by a repeatable request as far as it was read in whole batches", async () => {
    const { batcher } = withStates();
    await run(batcher, prompt(1, LONG + 3), 1).promise;
    await run(batcher, prompt(5000, LONG), 1).promise;
    const { cached } = await run(batcher, prompt(1, LONG + 3), 1, { repeatable: true }).promise;
    expect(cached).toBe(LONG);
    const { cached: again } = await run(batcher, prompt(1, LONG + 3), 1, { repeatable: true }).promise;
    expect(again).toBe(LONG);
  });

  test("is read back for its own API key alone, also by another engine", async () => {
    const { batcher, place, files, said } = withStates();
    const cachedFor = async (engine: typeof batcher, scope: string) =>
      (await run(engine, prompt(1, LONG), 1, { scope }).promise).cached;
    expect(await cachedFor(batcher, "one")).toBe(0);
    expect(await cachedFor(batcher, "two")).toBe(0);
    expect(await cachedFor(batcher, "one")).toBe(LONG - 1);
    expect(await cachedFor(batcher, "three")).toBe(0);
    await batcher.close(new Error("closed"));
    expect(files()).toHaveLength(3);
    const { batcher: other } = withStates({}, place);
    expect(await cachedFor(other, "four")).toBe(0);
    expect(await cachedFor(other, "two")).toBe(LONG - 1);
    expect(said).toEqual([]);
  });

  test("is not saved where it is short, or saved already", async () => {
    const { batcher, files, folder } = withStates();
    await run(batcher, prompt(1, MIN_SAVED_TOKENS - 1), 1).promise;
    await run(batcher, prompt(5000, LONG), 1).promise;
    for (const from of [7000, 5000, 7000, 5000]) await run(batcher, prompt(from, LONG), 1).promise;
    expect(files()).toHaveLength(2);
    expect((await folder.states("")).map(({ tokens }) => tokens[0]!).sort()).toEqual([5000, 7000]);
  });

  test("takes the place of what was saved earlier in the conversation", async () => {
    const { batcher, folder } = withStates();
    for (const length of [LONG, LONG + 20, LONG + 40]) {
      await run(batcher, prompt(1, length), 1).promise;
      await run(batcher, prompt(5000, LONG), 1).promise;
    }
    await batcher.close(new Error("closed"));
    const lengths = (await folder.states("")).map(({ tokens }) => [tokens[0], tokens.length]);
    expect(lengths.sort()).toEqual([
      [1, LONG + 40],
      [5000, LONG],
    ]);
  });

  test("is read anew, and the generation goes on, where the file was changed", async () => {
    const { batcher, place, files, said } = withStates();
    await run(batcher, prompt(1, LONG), 1).promise;
    await run(batcher, prompt(5000, LONG), 1).promise;
    await eventually("the state has its name", () => files().length === 1);
    const path = join(place, files()[0]!);
    const bytes = readFileSync(path);
    bytes[bytes.length - 9]! ^= 4;
    writeFileSync(path, bytes);
    expect((await run(batcher, [...prompt(1, LONG), 60], 1).promise).cached).toBe(0);
    expect(said).toEqual([expect.stringContaining("Its checksum is wrong")]);
    expect(files().map((name) => join(place, name))).not.toContain(path);
  });

  test("is read anew where the native side fails to load it, or to save it", async () => {
    const { batcher, context, said } = withStates();
    await run(batcher, prompt(1, LONG), 1).promise;
    await run(batcher, prompt(5000, LONG), 1).promise;
    context.loadSequenceStateFromFile = () => Promise.reject(new Error("no such cells"));
    context.saveSequenceStateToFile = () => Promise.reject(new Error("no space"));
    expect((await run(batcher, [...prompt(1, LONG), 60], 1).promise).cached).toBe(0);
    expect(said.join()).toMatch(/no space.*no such cells/s);
  });

  test("is saved a while after the last generation, once", async () => {
    const { batcher, context, files } = withStates({ save_after: 20 });
    let saves = 0;
    const { saveSequenceStateToFile: save } = context;
    context.saveSequenceStateToFile = (...words) => (saves++, save(...words));
    await run(batcher, prompt(1, LONG), 1).promise;
    await eventually("the state is saved", () => saves === 1);
    await new Promise((done) => setTimeout(done, 100));
    await batcher.close(new Error("closed"));
    expect([saves, files().length]).toEqual([1, 1]);
  });

  test("is read back beside generations that run and others that come, none of which is lost", async () => {
    const { batcher, said } = withStates({ slots: 2, save_after: 1 });
    for (let round = 0; round < 12; round++) {
      const turns = [0, 1, 2].map((n) => run(batcher, prompt(5000 * ((round + n) % 5), LONG), 4));
      const left = run(batcher, prompt(90_000, LONG), 4);
      setTimeout(left.stop, round);
      await Promise.all(turns.map(({ promise }) => promise));
    }
    expect(said).toEqual([]);
    await batcher.close(new Error("closed"));
  });

  test("fails with the others when the batcher is closed amid the reading", async () => {
    const { batcher, context } = withStates();
    await run(batcher, prompt(1, LONG), 1).promise;
    await run(batcher, prompt(5000, LONG), 1).promise;
    const { loadSequenceStateFromFile: load } = context;
    let closed: Promise<void> | undefined;
    context.loadSequenceStateFromFile = (...words) => {
      closed = batcher.close(new Error("closed"));
      return load(...words);
    };
    const running = run(batcher, [...prompt(1, LONG), 60], 1);
    expect(await running.promise.catch((error: Error) => error.message)).toBe("closed");
    await closed;
    expect(running.received.tokens).toEqual([]);
  });
});

describe("the choices of a generation", () => {
  /** Each choice's tokens; the numbers of tokens by choice. */
  const runChoices = async (batcher: TestBatcher, tokens: number[], lengths: number[], more: Partial<GenerationTask> = {}) => {
    const received = lengths.map(() => [] as number[]);
    const sequences = new Set<number>();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    batcher.start({
      prompt: tokens,
      samplers: lengths.map(batcher.newSampler),
      ...{ repeatable: false, reuses: true, scope: "" },
      onPrompt() {},
      onToken({ token }, { choice, sequence }) {
        received[choice]!.push(token);
        sequences.add(sequence);
        if (received.every(({ length }, i) => length === lengths[i])) resolve();
        return received[choice]!.length < lengths[choice]!;
      },
      onError: reject,
      ...more,
    });
    await promise;
    return { received, sequences };
  };

  test("read the prompt once, and each goes on in its own slot", async () => {
    const { batcher, steps, state } = make({ slots: 3 });
    const { received, sequences } = await runChoices(batcher, prompt(1, 18), [3, 3, 3]);
    expect(steps.map((step) => step.map(({ tokens }) => tokens.length))).toEqual([[8], [8], [2], [1, 1, 1], [1, 1, 1]]);
    expect(received).toEqual([
      [1000, 1003, 1006],
      [1001, 1004, 1007],
      [1002, 1005, 1008],
    ]);
    expect(sequences.size).toBe(3);
    expect(steps.at(-1)!.map(({ position, tokens }) => [position, ...tokens])).toEqual([
      [19, 1003],
      [19, 1004],
      [19, 1005],
    ]);
    await batcher.close(new Error("closed"));
    expect(state.samplers).toBe(0);
  });

  test("outlive the first one, whose slot is kept until they have copied it", async () => {
    const { batcher, steps } = make({ slots: 2 });
    const choices = runChoices(batcher, prompt(1, 6), [1, 4]);
    const next = run(batcher, prompt(100, 6), 2).promise;
    expect((await choices).received.map(({ length }) => length)).toEqual([1, 4]);
    await next;
    expect(steps[1]!.map(({ position, tokens }) => [position, ...tokens])).toEqual([[6, 1001]]);
  });

  test("wait until there is a slot for each, and all end with their request", async () => {
    const { batcher, state } = make({ slots: 2 });
    const alone = run(batcher, prompt(1, 4), 6);
    const both = runChoices(batcher, prompt(50, 4), [2, 2]);
    await alone.promise;
    expect((await both).sequences.size).toBe(2);
    const stop = batcher.start({
      ...{ prompt: prompt(1, 30), samplers: [batcher.newSampler(), batcher.newSampler()] },
      ...{ repeatable: false, reuses: true, scope: "", onPrompt: () => stop(), onToken: () => true, onError() {} },
    });
    await eventually("both samplers are given back", () => state.samplers === 0);
    expect((await run(batcher, prompt(1, 4), 1).promise).tokens).toHaveLength(1);
  });

  test("fail together where a step fails", async () => {
    const { batcher, state } = make({ slots: 2 });
    state.failDecode = true;
    const failed = runChoices(batcher, prompt(1, 20), [2, 2]).catch((error: Error) => error.message);
    expect(await failed).toBe("decode failed");
    await eventually("both samplers are given back", () => state.samplers === 0);
  });

  test("save what their slots lose to the prompt", async () => {
    const { batcher, files } = withStates({ slots: 2 });
    await Promise.all([run(batcher, prompt(1, LONG), 1).promise, run(batcher, prompt(2000, LONG), 1).promise]);
    await runChoices(batcher, prompt(7000, LONG), [2, 2]);
    await eventually("both are saved", () => files().length === 2);
  });
});

describe("a prompt of which another slot has read the beginning", () => {
  const READ = 300;

  test("is copied from there, also while that slot generates", async () => {
    const { batcher, steps } = make({ slots: 3, batch: 64 });
    const first = run(batcher, prompt(1, READ), 400);
    await eventually("its prompt is read", () => first.received.tokens.length > 0);
    const before = steps.length;
    const { cached, tokens } = await run(batcher, [...prompt(1, READ), 5, 6], 2).promise;
    expect([cached, tokens.length]).toEqual([READ, 2]);
    const others = steps.slice(before).flatMap((step) => step.filter(({ tokens }) => tokens.length > 1));
    expect(others.map(({ tokens }) => tokens)).toEqual([[5, 6]]);
    first.stop();
  });

  test("is read where that has another scope, is short, or the request reads anew", async () => {
    const { batcher } = make({ slots: 3, batch: 64 });
    await run(batcher, prompt(1, READ), 1).promise;
    const cachedOf = async (length: number, more: Partial<GenerationTask>) =>
      (await run(batcher, [...prompt(1, length), ...prompt(9000, 400)], 1, more).promise).cached;
    expect(await cachedOf(READ, { scope: "other" })).toBe(0);
    expect(await cachedOf(READ, { reuses: false })).toBe(0);
    expect(await cachedOf(200, {})).toBe(0);
  });

  test("is copied for a repeatable request as far as it was read in whole batches", async () => {
    const { batcher } = make({ slots: 3, batch: 64 });
    await run(batcher, prompt(1, 330), 1).promise;
    const next = [...prompt(1, 330), ...prompt(9000, 400)];
    expect((await run(batcher, next, 1, { repeatable: true }).promise).cached).toBe(320);
  });

  test("takes its step although it was stopped, so that no state is touched before", async () => {
    const { batcher, context, steps, said } = withStates({ slots: 2 });
    await run(batcher, prompt(1, 700), 1).promise;
    const { copySequenceStateFromOtherSequence: copy } = context;
    context.copySequenceStateFromOtherSequence = (...sequences) => {
      left.stop();
      return copy(...sequences);
    };
    const left = run(batcher, [...prompt(1, 300), ...prompt(9000, 400)], 1);
    await run(batcher, prompt(5000, LONG), 1).promise;
    expect(steps.filter((step) => step.some(({ tokens }) => tokens[0]! >= 9000))).toHaveLength(1);
    await batcher.close(new Error("closed"));
    expect(said).toEqual([]);
  });
});

test("a generation goes on from what its slot has said, whatever else is repeatable", async () => {
  const { batcher } = make({ slots: 2 });
  const more = { repeatable: true, reuses: false };
  const first = await run(batcher, prompt(1, 10), 3, more).promise;
  const next = [...prompt(1, 10), ...first.tokens, 50];
  expect((await run(batcher, next, 1, more).promise).cached).toBe(0);
  const other = make({ slots: 2 }).batcher;
  const begun = await run(other, prompt(1, 10), 3, more).promise;
  const goes_on = [...prompt(1, 10), ...begun.tokens, 50];
  expect((await run(other, goes_on, 1, { ...more, continues: 0 }).promise).cached).toBe(12);
});

describe("when something breaks", () => {
  test("a failed step fails its generations, and the next one starts afresh", async () => {
    for (const in_order of [false, true]) {
      const { batcher, state } = make({ in_order });
      await run(batcher, prompt(1, 4), 1).promise;
      state.failDecode = true;
      expect(await run(batcher, prompt(1, 6), 2).promise.catch((error: Error) => error.message)).toBe("decode failed");
      state.failDecode = false;
      expect((await run(batcher, prompt(1, 6), 2).promise).cached).toBe(0);
    }
  });

  test("a failed step fails no generation before its samples are over: they are native calls", async () => {
    const { batcher, state } = make({ in_order: true });
    state.failDecode = true;
    let sampled = false;
    const sample = async () => {
      await new Promise((done) => setTimeout(done, 20));
      sampled = true;
      return { token: 1 };
    };
    const failed = run(batcher, prompt(1, 4), 2, { samplers: [{ sample, dispose: () => {} }] }).promise;
    expect(await failed.catch((error: Error) => error.message)).toBe("decode failed");
    expect(sampled).toBe(true);
  });

  test("close fails the generations that run and those that wait", async () => {
    const { batcher, state } = make({ slots: 1 });
    const turns = [run(batcher, prompt(1, 4), 100), run(batcher, prompt(100, 4), 100)];
    const ended = turns.map(({ promise }) => promise.catch((error: Error) => error.message));
    await new Promise((done) => setTimeout(done, 5));
    await batcher.close(new Error("closed"));
    expect(await Promise.all(ended)).toEqual(["closed", "closed"]);
    expect(state.samplers).toBe(0);
  });
});
