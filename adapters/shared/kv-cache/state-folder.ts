// The states of idle conversations on the disk: which there are of this very model and setup, and which go when there are too many.
// Several engines may work in it, each in its own process: a file appears whole, by a rename, and may be gone at any time.
import { randomInt } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { STATE_FILE, UNFINISHED_STATE, type StateEnding } from "../../../models/saved-state-files.ts";
import type { KvCache } from "../../adapter.ts";
import { BadStateError } from "./state-bytes.ts";

/** How an engine writes its states: `Held` is what one stands for, `Head` what its file tells of it. */
export interface StateFormat<Held, Head> {
  ending: StateEnding;
  /** 32 hexadecimal digits, which stand for this content and no other. */
  nameOf(held: Held): string;
  /** Completes what the native side has written. Answers with the bytes. */
  seal(path: string, held: Held): Promise<number>;
  /** Reads the head alone. Throws `BadStateError` where that says enough, undefined for one of another setup, and what the disk throws. */
  readHeader(path: string): Promise<Head | undefined>;
  /** Throws `BadStateError` unless every byte is as it was sealed. */
  verify(path: string): Promise<void>;
}

/** In bytes. */
interface Sized {
  readonly bytes: number;
}

export type SavedState<Head> = Head & { readonly name: string };

export interface StateFolder<Held, Head extends Sized> {
  /** All that can be had now. What turns out to be no whole state is removed. */
  states(): Promise<SavedState<Head>[]>;
  /** The one that spares a turn most tokens, of `least` at least; of several the smallest. */
  best(spares: (state: SavedState<Head>) => number, least: number): Promise<SavedState<Head> | undefined>;
  /** An empty file for llama.cpp to write this state to, with a name nobody else uses, for its owner alone. */
  begin(held: Held): Promise<string>;
  /** Makes it one of the states, then removes the least recently used of all models beyond the limit. Answers whether it stayed. */
  commit(path: string, held: Held): Promise<boolean>;
  /** The path of a state whose every byte was checked, and which counts as used now. Throws `BadStateError`, and what the disk throws. */
  checked(state: SavedState<Head>): Promise<string>;
  /** It may be gone already. */
  remove(state: SavedState<Head>): Promise<void>;
  discard(path: string): Promise<void>;
  /** Removes what is beyond the limit, and what killed engines have left behind. */
  evict(): Promise<void>;
}

/** No write takes so long, in ms. */
const ABANDONED_MS = 600_000;

/** In the names of what is being written, beside a count: other engines have other numbers. */
const OURS = randomInt(2 ** 31);
let files = 0;

/** Nothing is made before the first state is written. */
export function createStateFolder<Held, Head extends Sized>(
  { folder, bytes: limit }: KvCache,
  format: StateFormat<Held, Head>,
): StateFolder<Held, Head> {
  const root = dirname(folder);
  /** Heads by name; undefined: of another setup. A name stands for its content, so what was read once needs no second look. */
  const heads = new Map<string, Head | undefined>();

  const fileOf = (name: string): string => join(folder, `${name}${format.ending}`);
  const discard = (path: string): Promise<void> => rm(path, { force: true }).catch(() => {});

  const head = async (name: string): Promise<Head | undefined> => {
    if (heads.has(name)) return heads.get(name);
    const read = await format.readHeader(fileOf(name)).catch(async (error) => {
      if (error instanceof BadStateError) await discard(fileOf(name));
      return null;
    });
    if (read !== null) heads.set(name, read);
    return read ?? undefined;
  };

  const self: StateFolder<Held, Head> = {
    async states() {
      const names = (await namesIn(folder)).filter((name) => STATE_FILE.test(name) && name.endsWith(format.ending)).map(digitsOf);
      for (const known of heads.keys()) if (!names.includes(known)) heads.delete(known);
      const found: SavedState<Head>[] = [];
      for (const name of names) {
        const read = await head(name);
        if (read !== undefined) found.push({ ...read, name });
      }
      return found;
    },
    async best(spares, least) {
      const all = (await self.states()).map((state) => ({ state, spared: spares(state) }));
      const [best] = all.sort((a, b) => b.spared - a.spared || a.state.bytes - b.state.bytes);
      return best === undefined || best.spared < least ? undefined : best.state;
    },
    async begin(held) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `.${format.nameOf(held)}.${OURS}.${files++}.tmp`);
      await (await open(path, "wx", 0o600)).close();
      return path;
    },
    async commit(path, held) {
      const size = await format.seal(path, held);
      if (size > limit) {
        await discard(path);
        return false;
      }
      await rename(path, fileOf(digitsOf(basename(path).slice(1))));
      await self.evict();
      return true;
    },
    async checked({ name }) {
      const path = fileOf(name);
      await format.verify(path);
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

const digitsOf = (name: string): string => name.slice(0, 32);

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
