// `ingle check`: what it finds in a data folder, what `--fix` does about it, and what a server makes of the same records.
import { afterAll, describe, expect, spyOn, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  existsSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeTime } from "ulid";
import { createServer } from "../../src/server/create-server.ts";
import { readConfig } from "../../src/server/read-config.ts";
import { checkFolder } from "../../src/storage/check/check.ts";
import type { FolderFinding } from "../../src/storage/check/folder.ts";
import { MARKER, SET_ASIDE } from "../../src/storage/file-names.ts";
import { setAside } from "../../src/storage/check/set-aside.ts";
import { encodeKey } from "../../src/storage/encode-key.ts";
import { disk, type FileSystem } from "../../src/storage/drivers/fs-durable/file-system.ts";
import {
  damagedFolder,
  DAMAGES,
  dataFolder,
  failing,
  FOLDER_INSTEAD,
  idOf,
  openFolder,
  smallDisk,
  socketAt,
} from "../support/folder.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { assistant, message, model, thread } from "../support/records.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN, startServer } from "../support/server.ts";

const SLOW = 60_000;
const ROOT = process.getuid?.() === 0 ? " (skipped: root may read everything)" : "";

const folders: string[] = [];
const kept = (base: string): string => (folders.push(base), base);
afterAll(() => folders.forEach((base) => rmSync(base, { recursive: true, force: true })));

/** A data folder with two threads of two messages, an assistant, and a model with its weights. */
async function house() {
  const base = kept(dataFolder());
  const { store } = openFolder(base);
  const make = () => store.conversations.create(thread("whole"), [message("a"), message("b")]);
  const [one, two] = [await make(), await make()];
  const asst = assistant(idOf("asst", 1));
  await store.assistants.put(asst);
  await store.models.put({ ...model("org/tiny"), files: [{ name: "w.gguf", size: 4, sources: [] }] });
  const weights = "weights/org_2ftiny";
  mkdirSync(join(base, weights), { recursive: true });
  writeFileSync(join(base, weights, "w.gguf"), "GGUF");
  const path = {
    thread: `threads/${one.thread.id}.json`,
    messages: `messages/${one.thread.id}`,
    message: `messages/${one.thread.id}/${one.messages[0]!.id}.json`,
    other_thread: `threads/${two.thread.id}.json`,
    assistant: `assistants/${asst.id}.json`,
    model: "models/org_2ftiny.json",
    weights,
  };
  const at = (below: string): string => join(base, below);
  const put = (below: string, text = "theirs"): void => {
    mkdirSync(join(base, below, ".."), { recursive: true });
    writeFileSync(join(base, below), text);
  };
  const find = async (in_use = false): Promise<FolderFinding[]> => (await checkFolder(base, { in_use })).findings;
  /** As lines: kind and path. */
  const found = async (in_use = false): Promise<string[]> => (await find(in_use)).map(({ kind, path }) => `${kind} ${path}`);
  return { base, path, at, put, find, found, one, two };
}

/**
 * Every file below a folder with its bytes, every link with its target; what stands in `set-aside` under the path it had before. The
 * records that threads have got instead of damaged ones are left out.
 */
function contents(base: string): Record<string, string> {
  const entries = below(base)
    .map((path): [string, string] => [path.replace(new RegExp(`^${SET_ASIDE}/[^/]+/`), ""), contentOf(join(base, path))])
    .filter(([, content]) => !content.includes('"recovered": true'));
  const all = Object.fromEntries(entries);
  // Else one lies where another was.
  if (Object.keys(all).length !== entries.length) throw new Error("A path is there twice.");
  return all;
}

/** The real disk, whose calls fail with a code where `broken` says so of their number. */
function brokenAt(broken: (n: number) => boolean, code: string): FileSystem {
  let calls = 0;
  return failing(() => (broken(++calls) ? code : undefined));
}

/** Whatever is not a folder; Bun's own recursion follows links. */
function below(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? below(join(folder, entry.name)).map((path) => `${entry.name}/${path}`) : entry.name,
  );
}

function contentOf(path: string): string {
  const there = lstatSync(path);
  if (there.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  return there.isFile() ? readFileSync(path, "latin1") : "special";
}

const check = (base: string, ...words: string[]) => run([...PROGRAM, "check", "--data", base, ...words]);
const inTime = (name: string, work: () => Promise<void>) => test(name, work, SLOW);

test("a sound folder: nothing is found, and its records are counted", async () => {
  const { base, put } = await house();
  for (const name of [".dead.tmp", "threads/.x.dead.tmp", "lost+found", ".old.lock", "ingle.lock", "ingle.lock.half"]) put(name);
  const report = await checkFolder(base, { in_use: false });
  expect(report).toEqual({ findings: [], sound: { threads: 2, messages: 4, assistants: 1, models: 1, downloads: 0 } });
});

test("a model whose id is longer than a file name is sound with its weights and states, and damaged under another id", async () => {
  const { base, put, at, found } = await house();
  const id = "org/".padEnd(300, "x");
  const { store } = openFolder(base);
  await store.models.put({ ...model(id), files: [{ name: "w.gguf", size: 4, sources: [] }] });
  put(`weights/${encodeKey(id)}/w.gguf`, "GGUF");
  mkdirSync(at(`kv-cache/${encodeKey(id)}`), { recursive: true });
  expect(await found()).toEqual([]);
  expect(await openFolder(base).store.models.ids()).toContain(id);
  put(`models/${encodeKey(id)}.json`, JSON.stringify(model("other")));
  expect(await found()).toEqual([`damaged models/${encodeKey(id)}.json`]);
  expect(await openFolder(base).store.models.ids()).toEqual(["org/tiny"]);
});

describe("damaged", () => {
  test("every record that cannot be read is, with a sentence that says how", async () => {
    const { base, damaged } = await damagedFolder(3);
    kept(base);
    const id = idOf("thread", 700);
    const socket = await socketAt(join(base, "threads", `${id}.json`));
    const { findings, sound } = await checkFolder(base, { in_use: false });
    socket.close();
    const reasons = Object.fromEntries(findings.filter(({ kind }) => kind === "damaged").map((one) => [one.path, one.reason]));
    expect(Object.keys(reasons)).toEqual(Object.values({ ...damaged, socket: id }).map((id) => `threads/${id}.json`));
    for (const reason of Object.values(reasons)) expect(reason).toMatch(/^\S.*\S$/);
    expect(reasons[`threads/${damaged["empty"]}.json`]).toBe("It is not JSON.");
    expect(reasons[`threads/${damaged["with another id"]}.json`]).toContain(idOf("thread", 999));
    expect(reasons[`threads/${damaged["without a title"]}.json`]).toStartWith("title: ");
    expect(reasons[`threads/${damaged["that is a folder"]}.json`]).toMatch(/folder|regular file/);
    expect(sound.threads).toBe(3);
  });

  const ways: Record<string, (path: string) => void> = {
    empty: (path) => writeFileSync(path, ""),
    "no JSON": (path) => writeFileSync(path, "{"),
    cut: (path) => truncateSync(path, 100),
    "of another schema": (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"object"', '"objekt"')),
    "under another id": (path) => writeFileSync(path, readFileSync(path, "utf8").replace(/"id": "[^"]*"/, '"id": "asst_x"')),
    "a folder": (path) => (rmSync(path), mkdirSync(path)),
    "a link out of the folder": (path) => (renameSync(path, `${path}.x`), symlinkSync("/etc/hostname", path)),
  };
  const kinds = ["thread", "message", "assistant", "model"] as const;
  // A model's `object` may be left out.
  const cases = kinds.flatMap((kind) => Object.keys(ways).map((way) => [kind, way] as const));
  test.each(cases.filter(([kind, way]) => kind !== "model" || way !== "of another schema"))(
    "a %s that is %s",
    async (kind, way) => {
      const { found, path, at } = await house();
      ways[way]!(at(path[kind]));
      expect((await found()).filter((line) => !line.endsWith(".x"))).toEqual([`damaged ${path[kind]}`]);
    },
  );

  test("a message in the folder of another thread", async () => {
    const { find, path, at, two } = await house();
    const stray = `messages/${two.thread.id}/${path.message.split("/")[2]}`;
    renameSync(at(path.message), at(stray));
    expect(await find()).toEqual([{ kind: "damaged", path: stray, reason: "It names another thread.", can_be_set_aside: true }]);
  });

  test.each(["threads", "messages", "assistants", "models"])("a file where the folder %s belongs", async (name) => {
    const { found, at, put } = await house();
    rmSync(at(name), { recursive: true });
    put(name);
    expect(await found()).toContain(`damaged ${name}`);
  });

  test("kept conversations are ingle's own, those of models that are gone and halves of them are orphaned", async () => {
    const { put, found } = await house();
    const digits = "0123456789abcdef".repeat(2);
    const name = `${digits}-${digits}`;
    put(`kv-cache/org_2ftiny/${name}.kv`);
    put(`kv-cache/org_2ftiny/${name}.slot`);
    expect(await found()).toEqual([]);
    put(`kv-cache/org_2ftiny/.${name}.1.0.tmp`);
    expect(await found(true)).toEqual([]);
    put("kv-cache/org_2ftiny/notes.txt");
    put(`kv-cache/gone/${name}.kv`);
    put("kv-cache/file.kv");
    expect((await found()).sort()).toEqual([
      "foreign kv-cache/file.kv",
      "foreign kv-cache/org_2ftiny/notes.txt",
      "orphaned kv-cache/gone",
      `orphaned kv-cache/org_2ftiny/.${name}.1.0.tmp`,
    ]);
  });

  test("what is known of templates is ingle's own, and nothing else beside it", async () => {
    const { put, found } = await house();
    put(`templates/${"0123456789abcdef".repeat(4)}.json`);
    expect(await found()).toEqual([]);
    put("templates/notes.txt");
    expect(await found()).toEqual(["foreign templates/notes.txt"]);
  });

  test("conversations that an older ingle has kept are named, and removed when the folder is opened", async () => {
    const { base, put, found, at } = await house();
    const digits = "0123456789abcdef".repeat(2);
    const [kept, ...old] = [`${digits}-${digits}.kv`, `${digits}.kv`, `${digits}.slot`, `.${digits}.1.0.tmp`, "notes.txt"];
    for (const name of [kept!, ...old]) put(`kv-cache/org_2ftiny/${name}`);
    expect((await found()).filter((finding) => finding.startsWith("orphaned"))).toHaveLength(3);
    await (await createServer(readConfig({ data: base, adapter: "echo" }, {}), { command: "test", write: () => {} })).close(0);
    expect(readdirSync(at("kv-cache/org_2ftiny")).sort()).toEqual([kept!, "notes.txt"]);
  });

  test("weights that are gone, of another size, no file, or out of sight", async () => {
    const { find, path, at, put } = await house();
    const place = `${path.weights}/w.gguf`;
    const only = async (reason: string): Promise<void> => {
      expect(await find()).toEqual([
        { kind: "damaged", path: place, reason: expect.stringContaining(reason), can_be_set_aside: false },
      ]);
    };
    put(place, "GGUFGGUF");
    await only('has 8 bytes instead of 4. Run "ingle pull org/tiny".');
    rmSync(at(place));
    await only('is missing. Run "ingle pull org/tiny".');
    mkdirSync(at(place));
    await only("is not a file");
    rmSync(at(path.weights), { recursive: true });
    put(path.weights);
    expect(await find()).toContainEqual(expect.objectContaining({ kind: "damaged", path: place }));
    rmSync(at("weights"), { recursive: true });
    put("weights");
    expect(await find()).toContainEqual(expect.objectContaining({ kind: "damaged", path: place }));
  });

  test("a file that is used in place and gone", async () => {
    const { base, find, at } = await house();
    const mine = at("../mine.gguf");
    const { store } = openFolder(base);
    await store.models.put({ ...model("mine"), files: [{ name: "m.gguf", sources: [], path: mine }] });
    expect(await find()).toMatchObject([{ kind: "damaged", reason: expect.stringContaining('"ingle rm mine"') }]);
  });
});

describe("foreign", () => {
  test("whatever has a name that ingle never gives", async () => {
    const { found, put, at } = await house();
    const names = ["assistants/Asst.json", "messages/notes.txt", "models/A.json", "notes.txt"];
    const more = ["threads/.DS_Store", "threads/a b.json", "threads/asst_01jd0000000000000000000001.json", "weights/notes.txt"];
    for (const name of [...names, ...more]) put(name);
    for (const folder of ["threads/folder", "threads/.x.tmp", "messages/thread_x"]) put(`${folder}/theirs.json`);
    symlinkSync("/etc", at("link"));
    const expected = [...names, ...more, "threads/folder", "threads/.x.tmp", "messages/thread_x", "link"];
    expect((await found()).toSorted()).toEqual(expected.map((path) => `foreign ${path}`).toSorted());
  });

  test("a name that is not text stays, and keeps nothing else from being set aside", async () => {
    const { base, put } = await house();
    writeFileSync(Buffer.from(`${base}/threads/\xff.json`, "latin1"), "theirs");
    put("threads/z.txt");
    const { findings } = await checkFolder(base, { in_use: false });
    expect(findings).toMatchObject([
      { path: "threads/z.txt", can_be_set_aside: true },
      { path: "threads/\ufffd.json", can_be_set_aside: false, reason: expect.stringContaining("by hand") },
    ]);
    expect(await setAside(base, findings, "now")).toEqual(["threads/z.txt"]);
  });
});

describe("orphaned", () => {
  test("messages without their thread", async () => {
    const { find, path, at } = await house();
    rmSync(at(path.thread));
    expect(await find()).toEqual([
      { kind: "orphaned", path: path.messages, reason: "Its thread is gone; 2 messages are left.", can_be_set_aside: true },
    ]);
  });

  test("not what a creation that broke off has left: half a file, and an empty folder", async () => {
    const { found, put, at } = await house();
    put(`messages/${idOf("thread", 5)}/.msg.dead.tmp`);
    mkdirSync(at(`messages/${idOf("thread", 6)}`));
    expect(await found()).toEqual([]);
  });

  test("not the messages of a thread that is damaged: it may be mended", async () => {
    const { found, path, put } = await house();
    put(path.thread, "{");
    expect(await found()).toEqual([`damaged ${path.thread}`]);
  });

  test("weights that no model has, whole or in part, unless one is to be fetched with them", async () => {
    const { found, put, at, path } = await house();
    put("weights/half/w.gguf.part");
    put("weights/half/w.gguf.part.json");
    expect(await found()).toEqual(["orphaned weights/half"]);
    const model = { id: "half", name: "half", files: [] };
    put(
      "downloads/half.json",
      JSON.stringify({ id: "half", object: "model.download", created_at: 1, state: "cancelled", model }),
    );
    expect(await found()).toEqual([]);
    put("weights/whole/w.gguf");
    expect(await found()).toEqual(["orphaned weights/whole"]);
    rmSync(at(path.model));
    expect(await found()).toEqual([`orphaned ${path.weights}`, "orphaned weights/whole"]);
  });

  test("what stands beside the files of a model, but for what its downloads leave", async () => {
    const { found, put, path } = await house();
    const [weights] = readdirSync(join((await house()).base, path.weights));
    for (const name of [`${weights}.part`, `${weights}.part.json`, ".x.dead.tmp"]) put(`${path.weights}/${name}`);
    expect(await found()).toEqual([]);
    put(`${path.weights}/notes.txt`);
    expect(await found()).toEqual([`foreign ${path.weights}/notes.txt`]);
  });

  test("in a folder in use, only what is older than a moment: a thread is made after its messages", async () => {
    const { base, path, at, put, found } = await house();
    put("weights/whole/w.gguf");
    rmSync(at(path.thread));
    expect(await found(true)).toEqual([]);
    const later = { in_use: true, now: () => Date.now() + 61_000 };
    expect((await checkFolder(base, later)).findings).toMatchObject([{ kind: "orphaned", path: path.messages }]);
  });
});

describe("a damaged record and what belongs to it", () => {
  const asideOf = (base: string): string[] => below(join(base, SET_ASIDE)).map((path) => path.replace(/^[^/]+\//, ""));

  const cases = Object.entries({ ...DAMAGES, [FOLDER_INSTEAD]: { make: (path: string, _id: string) => mkdirSync(path) } });
  const messages = { none: 0, one: 1, many: 40 };
  test.each(cases.map(([name], i) => [name, Object.keys(messages)[i % 3] as keyof typeof messages] as const))(
    "a thread's, %s: the thread is there again, with its messages (%s)",
    async (name, many) => {
      const base = kept(dataFolder());
      const { store } = openFolder(base);
      const drafts = Array.from({ length: messages[many] }, (_, i) => message(`${i}`));
      const { thread: made, messages: stored } = await store.conversations.create(thread("mine"), drafts);
      const path = join(base, "threads", `${made.id}.json`);
      rmSync(path);
      cases.find(([other]) => other === name)![1].make(path, made.id);

      const { findings } = await checkFolder(base, { in_use: false });
      await setAside(base, findings, "now");
      const { store: after } = openFolder(base);
      expect(await after.threads.get(made.id)).toEqual({
        id: made.id,
        object: "thread",
        title: "",
        created_at: Math.floor(decodeTime(made.id.slice("thread_".length).toUpperCase()) / 1000),
        assistants: [{ assistant_id: "jan" }],
        metadata: { recovered: true },
      });
      const ids = stored.map(({ id }) => id);
      expect(await after.messages(made.id).getMany(await after.messages(made.id).ids())).toEqual(stored);
      expect(await after.messages(made.id).ids()).toEqual(ids);
      expect(await checkFolder(base, { in_use: false })).toMatchObject({
        findings: [],
        sound: { threads: 1, messages: ids.length },
      });
      expect(readdirSync(join(base, SET_ASIDE, "now", "threads"))).toContain(`${made.id}.json`);
    },
  );

  test.each(runtimes().filter(({ skip }) => skip === undefined))(
    "a thread's, with some of its messages damaged, on $name: the good ones stay, and the dry run names what --fix moves",
    async ({ command }) => {
      const words = async (base: string, ...more: string[]) =>
        JSON.parse((await run([...command, MAIN, "check", "--data", base, "--json", ...more])).stdout);
      const { base, path, at, put, one } = await house();
      put(path.thread, '{"id": "thr');
      put(path.message, "");
      const good = `${path.messages}/${one.messages[1]!.id}.json`;
      const before = contentOf(at(good));
      const dry = await words(base);
      expect(dry.findings.map((finding: FolderFinding) => finding.path)).toEqual([path.thread, path.message]);
      const fixed = await words(base, "--fix");
      expect(fixed.findings).toEqual(dry.findings);
      expect(fixed.set_aside).toEqual([path.thread, path.message]);
      expect(asideOf(base).toSorted()).toEqual([path.message, path.thread].toSorted());
      expect(contentOf(at(good))).toBe(before);
      expect((await words(base, "--fix")).findings).toEqual([]);
      expect(await openFolder(base).store.messages(one.thread.id).ids()).toEqual([one.messages[1]!.id]);
    },
    SLOW,
  );

  test.each(["models", "downloads"])(
    "one of %s: neither weights nor saved states move, at the first run or a later one",
    async (name) => {
      const { base, path, at, put, find } = await house();
      const digest = "0123456789abcdef".repeat(2);
      const saved = [`${digest}-${digest}.kv`, `${digest}.slot`, `.${digest}-${digest}.1.0.tmp`];
      for (const state of saved) put(`kv-cache/org_2ftiny/${state}`);
      put(`${path.weights}/w.gguf.part`);
      rmSync(at(path.model));
      const record = `${name}/org_2ftiny.json`;
      put(record, "{");
      for (const stamp of ["first", "second"]) {
        const findings = await find();
        expect(findings.map((finding) => finding.path)).toEqual(stamp === "first" ? [record] : []);
        await setAside(base, findings, stamp);
        expect(below(at(path.weights)).toSorted()).toEqual(["w.gguf", "w.gguf.part"]);
        expect(below(at("kv-cache/org_2ftiny")).toSorted()).toEqual(saved.toSorted());
      }
      expect(asideOf(base)).toEqual([record]);
    },
  );

  test("one that the disk or its permissions keep from being read stays: it may be whole", async () => {
    const base = kept(dataFolder());
    const { store } = openFolder(base);
    const { thread: made } = await store.conversations.create(thread("mine"));
    for (const code of ["EIO", "EACCES", "EPERM", "EMFILE"]) {
      const spy = spyOn(disk, "read").mockRejectedValue(Object.assign(new Error(`${code}: injected`), { code }));
      const { findings } = await checkFolder(base, { in_use: false }).finally(() => spy.mockRestore());
      expect(findings).toMatchObject([{ kind: "damaged", path: `threads/${made.id}.json`, can_be_set_aside: false }]);
    }
  });

  test("what an ended run has left beside a record that is good by now is set aside, and does not bring a removed thread back", async () => {
    const { base, path, put, find, one } = await house();
    const good = readFileSync(join(base, path.thread), "utf8");
    put(path.thread, "");
    // The new record is written; moving the damaged one fails.
    for (let at = 1; !existsSync(join(base, `${path.thread}.recovered`)); at++)
      await setAside(
        base,
        await find(),
        "first",
        brokenAt((n) => n >= at, "EIO"),
      ).catch(() => {});
    put(path.thread, good);
    expect(await find()).toMatchObject([{ kind: "foreign", path: `${path.thread}.recovered` }]);
    await setAside(base, await find(), "second");
    expect(await find()).toEqual([]);
    expect((await openFolder(base).store.threads.get(one.thread.id))!.metadata).toEqual(one.thread.metadata);
  });

  test("a run that the disk ends at any call, or that dies there, is finished by the next one", async () => {
    const ends: Record<string, (at: number) => FileSystem> = {
      "a full disk": (at) => brokenAt((n) => n === at, "ENOSPC"),
      "a quota": (at) => brokenAt((n) => n === at, "EDQUOT"),
      "its end": (at) => brokenAt((n) => n >= at, "EIO"),
    };
    for (const [way, portOf] of Object.entries(ends)) {
      for (let at = 1; ; at++) {
        const { base, path, put, find, one } = await house();
        put(path.thread, "");
        put(path.message, "");
        const before = contents(base);
        const stopped = await setAside(base, await find(), "first", portOf(at)).then(
          () => false,
          () => true,
        );
        await setAside(base, await find(), "second");
        expect({ way, at, files: contents(base) }).toEqual({ way, at, files: before });
        expect(await find()).toEqual([]);
        const { store } = openFolder(base);
        expect((await store.threads.get(one.thread.id))!.metadata).toEqual({ recovered: true });
        expect(await store.messages(one.thread.id).ids()).toEqual([one.messages[1]!.id]);
        if (!stopped) {
          expect(at).toBeGreaterThan(15);
          break;
        }
      }
    }
  });
});

describe("links", () => {
  test.each(["weights", "kv-cache"])("%s that is one may lie on another disk, with what others have there", async (name) => {
    const { base, at, put, find } = await house();
    const outside = kept(mkdtempSync(join(tmpdir(), "ingle-outside-")));
    put(`${name}/theirs.txt`);
    renameSync(at(name), join(outside, name));
    symlinkSync(join(outside, name), at(name));
    const before = contents(outside);
    expect(await find()).toEqual([]);
    expect(await setAside(base, await find(), "now")).toEqual([]);
    expect(contents(outside)).toEqual(before);
    // The files of models are looked at.
    for (const file of Object.keys(before)) if (file.endsWith(".gguf")) rmSync(join(outside, file));
    const missing = name === "weights" ? [{ kind: "damaged", reason: expect.stringContaining("is missing") }] : [];
    expect(await find()).toMatchObject(missing);
    rmSync(join(outside, name), { recursive: true });
    const nowhere = { kind: "damaged", path: name, reason: expect.stringContaining("leads nowhere"), can_be_set_aside: false };
    expect((await find()).find(({ path }) => path === name)).toMatchObject(nowhere);
    writeFileSync(join(outside, name), "");
    expect((await find()).find(({ path }) => path === name)).toMatchObject({ reason: "It is not a folder." });
  });

  test("the folder of a model that is one may lie on another disk", async () => {
    const { at, find } = await house();
    const outside = kept(mkdtempSync(join(tmpdir(), "ingle-outside-")));
    const [model = ""] = readdirSync(at("weights"));
    renameSync(at(`weights/${model}`), join(outside, model));
    symlinkSync(join(outside, model), at(`weights/${model}`));
    writeFileSync(join(outside, model, "theirs.txt"), "");
    expect(await find()).toEqual([]);
    symlinkSync(outside, at("weights/other"));
    expect(await find()).toMatchObject([{ kind: "foreign", path: "weights/other" }]);
  });

  test("a file of a model that is one is not followed, as a load does not follow it", async () => {
    const { at, find } = await house();
    const [model = ""] = readdirSync(at("weights"));
    const file = readdirSync(at(`weights/${model}`)).find((name) => name.endsWith(".gguf"))!;
    const outside = join(kept(mkdtempSync(join(tmpdir(), "ingle-outside-"))), file);
    renameSync(at(`weights/${model}/${file}`), outside);
    symlinkSync(outside, at(`weights/${model}/${file}`));
    const reason = expect.stringContaining("is a link, which only the folder around it may be. Run ");
    expect(await find()).toMatchObject([{ kind: "damaged", path: `weights/${model}/${file}`, reason, can_be_set_aside: false }]);
  });

  test.each(["threads", "assistants", "models", "messages"])("%s that is one is not followed", async (name) => {
    const [outer, inner] = [await house(), await house()];
    outer.put(`${name}/theirs.txt`);
    rmSync(inner.at(name), { recursive: true });
    symlinkSync(outer.at(name), inner.at(name));
    const before = contents(outer.base);
    const findings = await inner.find();
    expect(findings.find(({ path }) => path === name)).toMatchObject({ kind: "damaged", can_be_set_aside: false });
    expect(findings.filter(({ path }) => path.startsWith(`${name}/`) && !path.endsWith(".gguf"))).toEqual([]);
    await setAside(inner.base, findings, "now");
    expect(contents(outer.base)).toEqual(before);
  });

  test("set-aside that is one takes nothing out of the folder", async () => {
    const { base, put, find, at } = await house();
    const outside = kept(mkdtempSync(join(tmpdir(), "ingle-outside-")));
    symlinkSync(outside, at(SET_ASIDE));
    put("notes.txt");
    const before = contents(base);
    await expect(setAside(base, await find(), "now")).rejects.toThrow(`"${SET_ASIDE}"`);
    expect(readdirSync(outside)).toEqual([]);
    expect(contents(base)).toEqual(before);
  });
});

describe("the command", () => {
  inTime("says that nothing is wrong, with 0", async () => {
    const { base } = await house();
    const words = "2 threads, 4 messages, 1 assistants, 1 models, 0 downloads are sound; nothing is wrong.\n";
    expect(await check(base)).toEqual({ code: 0, stdout: words, stderr: "" });
    expect(await check(base, "--fix")).toEqual({ code: 0, stdout: words, stderr: "" });
    expect(readdirSync(base)).not.toContain(SET_ASIDE);
  });

  inTime("names what is wrong and touches nothing, with 1", async () => {
    const { base, path, put } = await house();
    put(path.assistant, "");
    put("notes.txt");
    const before = contents(base);
    const { code, stdout, stderr } = await check(base);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout.split("\n")).toEqual([
      "foreign: notes.txt: It is none of ingle's files.",
      `damaged: ${path.assistant}: It is not JSON.`,
      "2 threads, 4 messages, 0 assistants, 1 models, 0 downloads are sound; 2 found, 0 set aside.",
      "",
    ]);
    expect(contents(base)).toEqual(before);
  });

  inTime("tells the same as JSON", async () => {
    const { base, path, put } = await house();
    put(path.assistant, "");
    const { code, stdout, stderr } = await check(base, "--json");
    expect([code, stderr]).toEqual([1, ""]);
    const findings = [{ kind: "damaged", path: path.assistant, reason: "It is not JSON.", can_be_set_aside: true }];
    const sound = { threads: 2, messages: 4, assistants: 0, models: 1, downloads: 0 };
    expect(JSON.parse(stdout)).toEqual({ findings, sound, set_aside: [] });
    const fixed = await check(base, "--json", "--fix");
    expect([fixed.code, fixed.stderr]).toEqual([0, ""]);
    expect(JSON.parse(fixed.stdout)).toEqual({ findings, sound, set_aside: [path.assistant] });
    expect(JSON.parse((await check(base, "--json")).stdout)).toEqual({ findings: [], sound, set_aside: [] });
  });

  inTime("--fix keeps every byte, and a second check is clean", async () => {
    const { base: damagedBase } = await damagedFolder(3);
    const { base, path, put, at, two } = await house();
    kept(damagedBase);
    rmSync(at(path.thread));
    put(path.other_thread, "{");
    put(`messages/${two.thread.id}/${two.messages[0]!.id}.json`, "");
    put(path.model, "");
    put("notes.txt");
    put("messages/mine/deep/notes.txt");
    symlinkSync("/etc/hostname", at("threads/link"));
    for (const [folder, found] of [
      [base, 7],
      [damagedBase, 25],
    ] as const) {
      const before = contents(folder);
      const fixed = await check(folder, "--fix");
      expect(fixed).toMatchObject({ code: 0, stderr: "" });
      expect(fixed.stdout).toContain(`${found} found, ${found} set aside.`);
      expect(contents(folder)).toEqual(before);
      const second = await check(folder);
      expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing is wrong") });
      expect(await check(folder, "--fix")).toEqual(second);
      expect(contents(folder)).toEqual(before);
    }
  });

  inTime("--fix twice, for two findings at one path, keeps both", async () => {
    const { base, path, put } = await house();
    for (const text of ["first", "second"]) {
      put(path.assistant, text);
      expect(await check(base, "--fix")).toMatchObject({ code: 0, stderr: "" });
    }
    const aside = readdirSync(join(base, SET_ASIDE)).toSorted();
    expect(aside.map((stamp) => readFileSync(join(base, SET_ASIDE, stamp, path.assistant), "utf8"))).toEqual(["first", "second"]);
  });

  inTime("--fix leaves what moving does not help, with 1", async () => {
    const { base, path, at, put } = await house();
    rmSync(at(`${path.weights}/w.gguf`));
    put("notes.txt");
    const { code, stdout } = await check(base, "--fix");
    expect(code).toBe(1);
    expect(stdout).toContain("2 found, 1 set aside.");
    expect((await check(base)).stdout).toContain('"ingle pull org/tiny"');
  });

  inTime("refuses what is not a data folder, and makes none", async () => {
    const empty = kept(mkdtempSync(join(tmpdir(), "ingle-none-")));
    for (const folder of [empty, join(empty, "missing")]) {
      for (const words of [[], ["--fix"], ["--json"]]) {
        const ended = await check(folder, ...words);
        expect(ended).toEqual({ code: 1, stdout: "", stderr: `${folder} is not a data folder of ingle.\n` });
      }
    }
    expect(readdirSync(empty)).toEqual([]);
  });

  inTime("refuses a folder of a newer ingle, and one whose marker is damaged or a pipe: its records may be good", async () => {
    const { base, path, put, at } = await house();
    put(path.thread, '{"of": "a newer form"}');
    const markers: [make: () => unknown, words: string][] = [
      [() => put(MARKER, '{"format": 2}'), "was written by a newer ingle (format 2)"],
      [() => put(MARKER, "{"), "ingle.json is damaged."],
      [() => (rmSync(at(MARKER)), spawnSync("mkfifo", [at(MARKER)])), "ingle.json is damaged."],
    ];
    for (const [make, expected] of markers) {
      make();
      const before = contents(base);
      for (const words of [[], ["--fix"]])
        expect(await check(base, ...words)).toEqual({ code: 1, stdout: "", stderr: expect.stringContaining(expected) });
      expect(contents(base)).toEqual(before);
    }
  });

  inTime("looks at a folder in use and changes nothing, and --fix waits", async () => {
    const { base, put } = await house();
    put("notes.txt");
    const server = await startServer(RUNTIME, ["--adapter", "echo"], { data: base });
    try {
      const before = contents(base);
      expect(await check(base)).toMatchObject({ code: 1, stdout: expect.stringContaining("foreign: notes.txt"), stderr: "" });
      const fix = await check(base, "--fix");
      expect(fix).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(`process ${server.pid} at `) });
      expect(contents(base)).toEqual(before);
    } finally {
      await server.stop("SIGKILL");
    }
    expect(await check(base, "--fix")).toMatchObject({ code: 0, stderr: "" });
  });
});

const small = smallDisk();
if (typeof small === "string") test.skip(`a read-only disk (skipped: ${small})`, () => {});
else {
  afterAll(small.unmount);

  inTime("a read-only disk is checked, and --fix is refused in a sentence", async () => {
    writeFileSync(join(small.path, MARKER), '{"format": 1}\n');
    await openFolder(small.path).store.conversations.create(thread());
    writeFileSync(join(small.path, "threads", "notes.txt"), "theirs");
    const before = contents(small.path);
    small.readOnly();
    expect(await check(small.path)).toMatchObject({ code: 1, stdout: expect.stringContaining("1 threads"), stderr: "" });
    const fix = await check(small.path, "--fix");
    expect([fix.code, fix.stdout]).toEqual([1, ""]);
    expect(fix.stderr).toMatch(/^The data folder .* cannot be written to: .*\.\n$/);
    expect(fix.stderr).not.toContain("ingle.lock");
    expect(contents(small.path)).toEqual(before);
  });
}

describe("a server with a damaged record", () => {
  /** The application on the folder, and what a request answers. */
  async function serving(base: string) {
    const lines: string[] = [];
    const config = readConfig({ data: base }, {});
    const { app, close } = await createServer(config, { command: "serve", write: (line) => lines.push(line) });
    const ask = async (path: string, method = "GET", body?: object): Promise<{ status: number; body: any }> => {
      const headers = { host: "localhost", ...(body && { "content-type": "application/json" }) };
      const init = { method, headers, body: body ? JSON.stringify(body) : null };
      const res = await app.fetch(new Request(`http://localhost${path}`, init));
      return { status: res.status, body: await res.json() };
    };
    return { ask, close, lines };
  }

  const ways: Record<string, (path: string) => void> = {
    "unreadable bytes": (path) => writeFileSync(path, Buffer.from([0x7b, 0xff, 0xfe, 0x00])),
    "an empty file": (path) => writeFileSync(path, ""),
    "a folder": (path) => (rmSync(path), mkdirSync(path)),
    "a link out of the folder": (path) => (renameSync(path, `${path}~`), symlinkSync("/etc/hostname", path)),
  };

  test.each(Object.keys(ways))("%s: that request fails alone, and check names it", async (way) => {
    const { base, path, at, one, two } = await house();
    for (const kind of ["thread", "assistant", "model"] as const) ways[way]!(at(path[kind]));
    const bad_message = `messages/${two.thread.id}/${two.messages[0]!.id}.json`;
    ways[way]!(at(bad_message));
    const { ask, close, lines } = await serving(base);
    expect((await ask("/health")).body.status).toBe("degraded");
    const bad = [
      `/v1/threads/${one.thread.id}`,
      `/v1/threads/${one.thread.id}/messages`,
      `/v1/threads/${two.thread.id}/messages/${two.messages[0]!.id}`,
      `/v1/${path.assistant.replace(".json", "")}`,
      "/v1/models/org%2Ftiny",
    ];
    for (const url of bad) {
      const { status, body } = await ask(url);
      expect([url, status, body.error.code]).toEqual([url, 500, "corrupted_entity"]);
      expect(body.error.message).toMatch(/^The record of .* is damaged\. .*ingle check.*\.$/);
      expect(JSON.stringify(body)).not.toContain(base);
    }
    const ids = (list: any): string[] => (list.data ?? list).map(({ id }: { id: string }) => id);
    expect(ids((await ask("/v1/threads")).body)).toEqual([two.thread.id]);
    expect(ids((await ask("/v1/threads?limit=1")).body)).toEqual([two.thread.id]);
    expect(ids((await ask("/v1/assistants")).body)).toEqual(["jan"]);
    expect(ids((await ask(`/v1/threads/${two.thread.id}/messages`)).body)).toEqual([two.messages[1]!.id]);
    // A model that is damaged is listed as such: it can be deleted.
    expect((await ask("/v1/models")).body.data).toMatchObject([{ id: "org/tiny", state: "damaged" }]);

    const asst = await ask("/v1/assistants", "POST", { name: "new" });
    const added = await ask(`/v1/threads/${two.thread.id}/messages`, "POST", { role: "user", content: "new" });
    const changed = await ask(`/v1/threads/${two.thread.id}`, "PATCH", { title: "new" });
    expect([asst.status, added.status, changed.status, changed.body.title]).toEqual([200, 200, 200, "new"]);
    expect((await ask("/health")).body.status).toBe("degraded");
    expect(lines.filter((line) => line.includes("a record cannot be read"))).toHaveLength(4);
    await close(0);

    const { findings } = await checkFolder(base, { in_use: false });
    const damaged = findings.filter(({ kind }) => kind === "damaged").map((finding) => finding.path);
    expect(damaged.toSorted()).toEqual([path.thread, path.assistant, path.model, bad_message].toSorted());
  });

  test("health is ok where none is, and again once it is set aside and the server started anew", async () => {
    const { base, path, put, one } = await house();
    const health = async (): Promise<string> => {
      const { ask, close } = await serving(base);
      await ask(`/v1/threads/${one.thread.id}`);
      const { body } = await ask("/health");
      await close(0);
      return body.status;
    };
    expect(await health()).toBe("ok");
    put(path.thread, "");
    expect(await health()).toBe("degraded");
    await setAside(base, (await checkFolder(base, { in_use: false })).findings, "now");
    expect(await health()).toBe("ok");
  });

  test.skipIf(ROOT !== "")(`a record that may not be read${ROOT}`, async () => {
    const { base, path, at, one, two } = await house();
    chmodSync(at(path.thread), 0);
    const { ask, close } = await serving(base);
    expect(await ask(`/v1/threads/${one.thread.id}`)).toMatchObject({ status: 500, body: { error: { code: "storage_error" } } });
    expect((await ask("/v1/threads")).body.map(({ id }: { id: string }) => id)).toEqual([two.thread.id]);
    await close(0);
    const { findings } = await checkFolder(base, { in_use: false });
    expect(findings).toMatchObject([{ path: path.thread, reason: "It may not be read by this user." }]);
  });
});
