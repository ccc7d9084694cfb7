// A disk in memory whose power can fail. It keeps apart what was written and what was synced: only the latter is sure to survive.
import type { FolderEntry, FileSystem } from "../../src/storage/drivers/fs-durable/file-system.ts";
import { putRecords, type WriteCalls } from "../../src/storage/drivers/fs-durable/record-writes.ts";

interface File {
  kind: "file";
  bytes: Uint8Array;
  /** False: a cut may leave anything of them. */
  synced: boolean;
}

interface Folder {
  kind: "folder";
  names: Map<string, Node>;
  /** The names that survive a cut, and, in their order, the changes of names since, each of which may survive or not. */
  synced: Map<string, Node>;
  pending: Change[];
}

type Node = File | Folder;
/** What a name stands for from then on; a rename changes two at once. */
type Change = [name: string, node: Node | undefined][];

export interface DiskOptions {
  /** The step before which the power fails; absent: it does not. */
  cut_at?: number;
  /** Syncs that do nothing, and say that they did. */
  lies?: "files" | "folders" | undefined;
  /** How long steps take; the same numbers give the same order of calls. */
  random?: () => number;
}

export interface SimulatedDisk {
  files: FileSystem;
  /** Resolves when the power has failed. Calls are not answered any more. */
  off: Promise<void>;
  /** Of the calls so far: what a call does at once is a step. */
  steps(): number;
  /** What the cut has left, on a disk with power. */
  after(outcome: Outcome): SimulatedDisk;
}

/** What a cut does to what was not synced. */
export interface Outcome {
  /** Whether a change of names survives. */
  keeps(): boolean;
  /** What is in a file. */
  content(written: Uint8Array): Uint8Array;
}

/** Nothing that was not synced is left: neither names nor content. */
export const NOTHING_KEPT: Outcome = { keeps: () => false, content: () => new Uint8Array() };
/** All names are left, and no content. */
export const NAMES_KEPT: Outcome = { keeps: () => true, content: ({ length }) => new Uint8Array(length) };

/** Anything of it all: each change of names by itself; of content nothing, zeros, the first sectors, rubbish, or everything. */
export function anyOutcome(random: () => number): Outcome {
  const SECTOR = 512;
  const contents: ((written: Uint8Array) => Uint8Array)[] = [
    (written) => written,
    () => new Uint8Array(),
    ({ length }) => new Uint8Array(length),
    ({ length }) => Uint8Array.from({ length }, () => random() * 256),
    (written) => {
      const torn = new Uint8Array(written.length);
      torn.set(written.subarray(0, Math.floor((random() * written.length) / SECTOR) * SECTOR));
      return torn;
    },
  ];
  return { keeps: () => random() < 0.5, content: (written) => contents[Math.floor(random() * contents.length)]!(written) };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A disk with these files, all of them synced: by absolute path, text. */
export function simulatedDisk(texts: Record<string, string>, options: DiskOptions = {}): SimulatedDisk {
  const root = newFolder();
  for (const [path, text] of Object.entries(texts)) {
    const names = namesIn(path);
    const last = names.pop()!;
    const folder = names.reduce((folder, name) => {
      const inner = (folder.synced.get(name) as Folder | undefined) ?? newFolder();
      folder.names.set(name, inner);
      folder.synced.set(name, inner);
      return inner;
    }, root);
    const file: File = { kind: "file", bytes: new TextEncoder().encode(text), synced: true };
    folder.names.set(last, file);
    folder.synced.set(last, file);
  }
  return diskOf(root, options);
}

function diskOf(root: Folder, { cut_at = Infinity, lies, random = () => 0 }: DiskOptions = {}): SimulatedDisk {
  const cut = Promise.withResolvers<void>();
  let steps = 0;

  /** Others may be served before; nobody is when the power is gone. */
  const step = async (): Promise<void> => {
    for (let turns = 1 + Math.floor(random() * 6); turns > 0; turns--) await Promise.resolve();
    if (steps < cut_at) steps++;
    else {
      cut.resolve();
      await new Promise<never>(() => {});
    }
  };
  const at = (path: string): Node | undefined =>
    namesIn(path).reduce<Node | undefined>((node, name) => (node?.kind === "folder" ? node.names.get(name) : undefined), root);
  const folderAt = (path: string): Folder => {
    const node = at(path);
    if (node === undefined) throw failed("ENOENT", path);
    if (node.kind !== "folder") throw failed("ENOTDIR", path);
    return node;
  };
  const split = (path: string): [Folder, string] => [folderAt(path.slice(0, path.lastIndexOf("/"))), namesIn(path).at(-1)!];
  const change = (folder: Folder, ...names: Change): void => {
    apply(names, folder.names);
    folder.pending.push(names);
  };
  const entries = (path: string): FolderEntry[] => [...folderAt(path).names].map(([name, { kind }]) => ({ name, kind }));

  /** Of one thread: what is between two of them is a step. */
  const calls: WriteCalls = {
    kind: (path) => at(path)?.kind,
    create(path, bytes) {
      const [folder, name] = split(path);
      if (folder.names.has(name)) throw failed("EEXIST", path);
      change(folder, [name, { kind: "file", bytes: bytes.slice(), synced: false }]);
      return 0;
    },
    syncAndClose(_, path) {
      (at(path) as File).synced = lies !== "files";
    },
    rename(from, to) {
      const [[folder, old], [target, name]] = [split(from), split(to)];
      const node = folder.names.get(old);
      if (node === undefined) throw failed("ENOENT", from);
      if (folder !== target) throw failed("EXDEV", to);
      if (target.names.get(name)?.kind === "folder") throw failed("EISDIR", to);
      change(folder, [old, undefined], [name, node]);
    },
    unlink(path) {
      const [folder, name] = split(path);
      const node = folder.names.get(name);
      if (node === undefined) throw failed("ENOENT", path);
      if (node.kind === "folder") throw failed("EISDIR", path);
      change(folder, [name, undefined]);
    },
    sync(path) {
      const folder = folderAt(path);
      if (lies !== "folders") for (const names of folder.pending.splice(0)) apply(names, folder.synced);
    },
  };
  const files: FileSystem = {
    async read(path) {
      await step();
      const node = at(path);
      if (node === undefined) throw failed("ENOENT", path);
      if (node.kind !== "file") throw failed("EISDIR", path);
      return node.bytes;
    },
    async put(write) {
      const steps = putRecords(calls, [write]);
      for (;;) {
        const { done, value } = steps.next();
        if (done && value[0] !== undefined) throw value[0];
        if (done) return;
        await step();
      }
    },
    async rename(from, to) {
      await step();
      calls.rename(from, to);
    },
    async unlink(path) {
      await step();
      calls.unlink(path);
    },
    async mkdir(path) {
      await step();
      const [folder, name] = split(path);
      if (folder.names.has(name)) throw failed("EEXIST", path);
      change(folder, [name, newFolder()]);
    },
    async rmdir(path) {
      await step();
      if (folderAt(path).names.size > 0) throw failed("ENOTEMPTY", path);
      const [folder, name] = split(path);
      change(folder, [name, undefined]);
    },
    async list(path) {
      await step();
      return entries(path);
    },
    async names(path) {
      await step();
      return entries(path).map(({ name }) => name);
    },
    async kind(path) {
      await step();
      return calls.kind(path);
    },
    modifiedAt: async () => 0,
    async sync(path) {
      await step();
      const folder = folderAt(path);
      const before = folder.pending.length;
      await step();
      // What has changed since it began is not promised.
      if (lies !== "folders") for (const names of folder.pending.splice(0, before)) apply(names, folder.synced);
    },
  };

  return {
    files,
    off: cut.promise,
    steps: () => steps,
    after: (outcome) => diskOf(survivor(root, outcome) as Folder),
  };
}

function newFolder(): Folder {
  return { kind: "folder", names: new Map(), synced: new Map(), pending: [] };
}

const namesIn = (path: string): string[] => path.split("/").filter((name) => name !== "");

function failed(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code });
}

function apply(change: Change, names: Map<string, Node>): void {
  for (const [name, node] of change) {
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}

function survivor(node: Node, outcome: Outcome): Node {
  if (node.kind === "file") {
    return { kind: "file", bytes: node.synced ? node.bytes : outcome.content(node.bytes), synced: true };
  }
  const left = new Map(node.synced);
  for (const change of node.pending) if (outcome.keeps()) apply(change, left);
  const names = new Map([...left].map(([name, inner]) => [name, survivor(inner, outcome)]));
  return { kind: "folder", names, synced: new Map(names), pending: [] };
}
