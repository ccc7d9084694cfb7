// The states of idle conversations on the disk: which there are of this very model and setup, and which go when there are too many.
// Several engines may work in it, each in its own process: a file appears whole, by a rename, and may be gone at any time.
import { createHash } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { STATE_FILE, UNFINISHED_STATE } from "../../models/kv-cache.ts";
import type { KvCache } from "../adapter.ts";
import { BadStateError, readHead, seal, verify, type Held, type StateHead } from "./state-file.ts";

export interface State extends StateHead {
  readonly name: string;
}

export interface StateFolder {
  /** 32 bytes: what a file must have been written for. */
  readonly key: Uint8Array;
  /** All that can be had now. What turns out to be no whole state is removed. */
  states(): Promise<State[]>;
  /** An empty file for llama.cpp to write this state to, with a name nobody else uses, for its owner alone. */
  begin(held: Held): Promise<string>;
  /** Makes it one of the states, then removes the least recently used of all models beyond the limit. Answers whether it stayed. */
  commit(path: string, held: Held): Promise<boolean>;
  /** The path of a state whose every byte was checked, and which counts as used now. Throws `BadStateError`, and what the disk throws. */
  checked(state: State): Promise<string>;
  /** It may be gone already. */
  remove(state: State): Promise<void>;
  discard(path: string): Promise<void>;
  /** Removes what is beyond the limit, and what killed engines have left behind. */
  evict(): Promise<void>;
}

/** No write takes so long, in ms. */
const ABANDONED_MS = 600_000;

let files = 0;

/** Nothing is made before the first state is written. */
export function createStateFolder({ folder, bytes: limit }: KvCache, key: Uint8Array): StateFolder {
  const root = dirname(folder);
  /** Heads by name; undefined: of another key. A name stands for its content, so what was read once needs no second look. */
  const heads = new Map<string, StateHead | undefined>();

  const nameOf = (held: Held): string => {
    const words = Uint32Array.from([held.exact, ...Array.from(held.tokens)]);
    return createHash("sha256").update(key).update(words).digest("hex").slice(0, 32);
  };
  const fileOf = (name: string): string => join(folder, `${name}.kv`);
  const discard = (path: string): Promise<void> => rm(path, { force: true }).catch(() => {});

  const head = async (name: string): Promise<StateHead | undefined> => {
    if (heads.has(name)) return heads.get(name);
    const read = await readHead(fileOf(name), key).catch(async (error) => {
      if (error instanceof BadStateError) await discard(fileOf(name));
      return null;
    });
    if (read !== null) heads.set(name, read);
    return read ?? undefined;
  };

  const self: StateFolder = {
    key,
    async states() {
      const names = (await namesIn(folder)).filter((name) => STATE_FILE.test(name)).map((name) => name.slice(0, 32));
      for (const known of heads.keys()) if (!names.includes(known)) heads.delete(known);
      const found: State[] = [];
      for (const name of names) {
        const read = await head(name);
        if (read !== undefined) found.push({ ...read, name });
      }
      return found;
    },
    async begin(held) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `.${nameOf(held)}.${process.pid}.${files++}.tmp`);
      await (await open(path, "wx", 0o600)).close();
      return path;
    },
    async commit(path, held) {
      const size = await seal(path);
      if (size > limit) {
        await discard(path);
        return false;
      }
      await rename(path, fileOf(nameOf(held)));
      await self.evict();
      return true;
    },
    async checked({ name }) {
      const path = fileOf(name);
      await verify(path);
      const now = new Date();
      await utimes(path, now, now);
      return path;
    },
    remove: ({ name }) => discard(fileOf(name)),
    discard,
    async evict() {
      const all = await filesBelow(root);
      const [unfinished, finished] = [all.filter(({ name }) => UNFINISHED_STATE.test(name)), all.filter(isState)];
      const abandoned = unfinished.filter(({ used }) => Date.now() - used > ABANDONED_MS);
      for (const { path } of abandoned) await discard(path);
      let total = finished.reduce((sum, { size }) => sum + size, 0);
      for (const { path, size } of finished.toSorted((a, b) => a.used - b.used)) {
        if (total <= limit) return;
        await discard(path);
        total -= size;
      }
    },
  };
  return self;
}

interface Stored {
  name: string;
  path: string;
  size: number;
  /** In ms since 1970. */
  used: number;
}

const isState = ({ name }: Stored): boolean => STATE_FILE.test(name);

/** All files in the folders of all models. */
async function filesBelow(root: string): Promise<Stored[]> {
  const found: Stored[] = [];
  for (const model of await namesIn(root)) {
    for (const name of await namesIn(join(root, model))) {
      const path = join(root, model, name);
      const there = await stat(path).catch(() => undefined);
      if (there?.isFile()) found.push({ name, path, size: there.size, used: there.mtimeMs });
    }
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
