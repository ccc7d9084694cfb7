// The power fails at every step of a store's work, on a disk that keeps no more than it has to: what was acknowledged is there.
import { describe, expect, test } from "bun:test";
import { MARKER } from "../../src/storage/file-names.ts";
import { fsDurable } from "../../src/storage/drivers/fs-durable.ts";
import { createStore, type Store } from "../../src/storage/store.ts";
import { idOf } from "../support/folder.ts";
import { assistant, listening, message, model, textOf, thread } from "../support/records.ts";
import {
  anyOutcome,
  NAMES_KEPT,
  NOTHING_KEPT,
  numbersOf,
  simulatedDisk,
  type DiskOptions,
  type Outcome,
  type SimulatedDisk,
} from "../support/simulated-disk.ts";

const BASE = "/data";
const SLOW = 120_000;
const RANDOM_OUTCOMES = 5;

/** Each opening is another process: temporary files of the one before are not its own. */
function open({ files }: SimulatedDisk, token: string): Store {
  const driver = fsDurable({ base: BASE, marker: MARKER, token, files });
  return createStore({ driver, shared: false, log: listening().log });
}

const ABSENT = "absent";

/** What each record has been and is to be, in the order of the changes, and the oldest of these that it may still be. */
function newLedger() {
  const states = new Map<string, string[]>();
  const acknowledged = new Map<string, number>();
  return {
    /** Runs a change that makes a record `state`. */
    async change<T>(key: string, state: string, work: () => Promise<T>): Promise<T> {
      const all = states.get(key) ?? [ABSENT];
      states.set(key, all);
      const at = all.push(state) - 1;
      const result = await work();
      acknowledged.set(key, Math.max(at, acknowledged.get(key) ?? 0));
      return result;
    },
    /** A record that comes with its thread or not at all. */
    comes: (key: string, state: string) => void states.set(key, [state]),
    /** What is not as it has to be. */
    violations(found: Map<string, string>): string[] {
      const keys = [...new Set([...states.keys(), ...found.keys()])].filter((key) => {
        const owner = /^message (.*)\/.*/.exec(key)?.[1];
        return found.has(key) || owner === undefined || found.has(`thread ${owner}`);
      });
      return keys.flatMap((key) => {
        const may = (states.get(key) ?? [ABSENT]).slice(acknowledged.get(key) ?? 0);
        const is = found.get(key) ?? ABSENT;
        return may.includes(is) ? [] : [`${key} is ${is} instead of ${may.join(" or ")}`];
      });
    },
  };
}
type Ledger = ReturnType<typeof newLedger>;

const v = (version: number) => ({ metadata: { version } });

/** Every kind of change, several at once and several of one record. */
async function work(store: Store, ledger: Ledger): Promise<void> {
  const { conversations } = store;
  const create = (title: string, texts: string[] = []) => {
    for (const text of texts) ledger.comes(`message ${title}/${text}`, "1");
    const messages = texts.map((text) => message(text, v(1)));
    return ledger.change(`thread ${title}`, "1", () => conversations.create(thread(title, v(1)), messages));
  };
  const patch = (title: string, id: string, version: number) =>
    ledger.change(`thread ${title}`, `${version}`, () => store.threads.patch(id, (old) => ({ ...old, ...v(version) })));
  const add = (title: string, id: string, text: string) =>
    ledger.change(`message ${title}/${text}`, "1", () => conversations.addMessage(id, () => message(text, v(1))));
  const putModel = (version: number) =>
    ledger.change("model org/m", `${version}`, () => store.models.put({ ...model("org/m"), description: `${version}` }));
  const helper = assistant(idOf("asst", 1), { name: "helper" });
  const putAssistant = (version: number) =>
    ledger.change("assistant helper", `${version}`, () => store.assistants.put({ ...helper, ...v(version) }));

  const [a, b] = await Promise.all([create("A", ["a1", "a2"]), create("B")]);
  const [one, two] = [a.thread.id, b.thread.id];
  await Promise.all([add("A", one, "a3"), add("A", one, "a4"), patch("A", one, 2), patch("A", one, 3), putModel(1)]);
  const [b1] = await Promise.all([add("B", two, "b1"), putAssistant(1), patch("B", two, 2), create("C", ["c1", "c2", "c3"])]);
  const [a1, a2] = a.messages.map(({ id }) => id) as [string, string];
  await Promise.all([
    ledger.change("message A/a1", "2", () => conversations.patchMessage(one, a1, (old) => ({ ...old, ...v(2) }))),
    ledger.change("message A/a2", ABSENT, () => conversations.removeMessage(one, a2)),
    putModel(2),
    putAssistant(2),
    patch("B", two, 3),
  ]);
  await Promise.all([
    ledger.change("thread A", ABSENT, () => conversations.remove(one)),
    ledger.change("message B/b1", ABSENT, () => conversations.removeMessage(two, b1.id)),
    ledger.change("assistant helper", ABSENT, () => store.assistants.remove(helper.id)),
    patch("B", two, 4),
    create("D", ["d1"]),
  ]);
  await ledger.change("thread B", ABSENT, () => conversations.remove(two));
  await Promise.all([create("E", ["e1"]), putModel(3), putAssistant(3)]);
}

const versionOf = ({ metadata }: { metadata: Record<string, unknown> }): string => `${metadata["version"]}`;

/** The state of every record that a store has; one that cannot be read has its error's. */
async function recordsOf(store: Store): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const note = (key: string, state: string) => void found.set(key, found.has(key) ? "there twice" : state);
  const each = async <T>(ids: readonly string[], get: (id: string) => Promise<T | undefined>, told: (record: T) => unknown) => {
    for (const id of ids) {
      try {
        await told((await get(id))!);
      } catch (error) {
        note(id, (error as Error).message);
      }
    }
  };
  await each(await store.threads.ids(), store.threads.get, async (one) => {
    note(`thread ${one.title}`, versionOf(one));
    const own = store.messages(one.id);
    await each(await own.ids(), own.get, (each) => note(`message ${one.title}/${textOf(each)}`, versionOf(each)));
  });
  await each(await store.models.ids(), store.models.get, ({ id, description }) => note(`model ${id}`, description));
  await each(await store.assistants.ids(), store.assistants.get, (one) => note(`assistant ${one.name}`, versionOf(one)));
  return found;
}

/** Work goes on where it ended: whatever is there can be changed, and more be added. */
async function goesOn(store: Store): Promise<void> {
  for (const id of await store.threads.ids()) {
    await store.threads.patch(id, (old) => ({ ...old, title: "later" }));
    await store.conversations.addMessage(id, () => message("later"));
    await store.conversations.remove(id);
  }
  await store.conversations.create(thread("new"), [message("new")]);
  await store.models.put(model("org/m"));
  await store.assistants.put(assistant(idOf("asst", 1)));
}

const OUTCOMES = (seed: number): [string, Outcome][] => [
  ["nothing is kept", NOTHING_KEPT],
  ["names are kept", NAMES_KEPT],
  ...Array.from({ length: RANDOM_OUTCOMES }, (_, n): [string, Outcome] => {
    return [`seed ${seed + n}`, anyOutcome(numbersOf(seed + n))];
  }),
];

/** Cuts the power before each step in turn, then after the last. Answers with how many steps there are, and what is violated. */
async function cutEverywhere(order: number, lies?: DiskOptions["lies"]): Promise<{ steps: number; violations: string[] }> {
  const violations: string[] = [];
  for (let cut_at = 0; ; cut_at++) {
    const disk = simulatedDisk({ [`${BASE}/${MARKER}`]: "{}" }, { cut_at, lies, random: numbersOf(order) });
    const ledger = newLedger();
    const ended = await Promise.race([work(open(disk, "first"), ledger).then(() => true), disk.off.then(() => false)]);
    for (const [name, outcome] of OUTCOMES(cut_at * RANDOM_OUTCOMES)) {
      const store = open(disk.after(outcome), "second");
      const where = `order ${order}, cut at ${cut_at}, ${name}`;
      violations.push(...ledger.violations(await recordsOf(store)).map((words) => `${where}: ${words}`));
      if (lies === undefined) await goesOn(store).catch((error) => violations.push(`${where}: ${(error as Error).message}`));
    }
    if (ended) return { steps: disk.steps(), violations };
    // Why go on: it is found.
    if (lies !== undefined && violations.length > 0) return { steps: cut_at, violations };
  }
}

describe("a power cut at any step", () => {
  // The numbers order what is done at once in another way each.
  test.each([1, 2, 3])(
    "leaves what was acknowledged, and of all else the old, the new or nothing (order %i)",
    async (order) => {
      const { steps, violations } = await cutEverywhere(order);
      expect(violations).toEqual([]);
      expect(steps).toBeGreaterThan(150);
    },
    SLOW,
  );

  test.each(["files", "folders"] as const)("is noticed where the disk only says that it has synced its %s", async (lies) => {
    const { violations } = await cutEverywhere(1, lies);
    expect(violations.join("\n")).toContain(lies === "files" ? "damaged" : "is absent instead of");
  });
});
