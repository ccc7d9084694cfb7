// The saved states of idle conversations: which there are of this very model and setup, and which go when there are too many. Several
// engines may work in the folder, each in its own process: a file appears whole, by a rename, and may be gone at any time.
import { randomInt } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SAVED_STATE_FILE, UNFINISHED_STATE_FILE, type SavedStateExtension } from "../../../models/saved-state-files.ts";
import type { KvCache } from "../../adapter.ts";
import { BadStateError } from "./state-bytes.ts";

/** How an engine writes its states. `Content`: what a state stands for; `Header`: what its file says of that. */
export interface StateFormat<Content, Header> {
  ending: SavedStateExtension;
  /** 32 hexadecimal digits, which stand for this content and no other. */
  nameOf(content: Content): string;
  /** Completes what the native side has written. Answers with the bytes. */
  seal(path: string, content: Content): Promise<number>;
  /** Throws `BadStateError` where the header says enough, undefined for one of another setup, and what the disk throws. */
  readHeader(path: string): Promise<Header | undefined>;
  /** Throws `BadStateError` unless every byte is as it was sealed. */
  verify(path: string): Promise<void>;
}

/** The size of the file, in bytes. */
interface StateSize {
  readonly bytes: number;
}

export type SavedState<Header> = Header & { readonly name: string };

export interface StateFolder<Content, Header extends StateSize> {
  /** All that can be read now. A file that turns out to be no whole state is removed. */
  states(): Promise<SavedState<Header>[]>;
  /** The one of which most tokens are usable, `least` at least; of several the smallest. */
  best(usable: (state: SavedState<Header>) => number, least: number): Promise<SavedState<Header> | undefined>;
  /** An empty file for llama.cpp to write this state to, with a name that no other engine uses, for its owner alone. */
  begin(content: Content): Promise<string>;
  /**
   * Makes it one of the states, then removes those that it `replaces` and the least recently used of all models beyond the limit. Answers
   * whether it fits the limit by itself. Where it throws, the file is gone.
   */
  commit(path: string, content: Content, replaces?: (state: SavedState<Header>) => boolean): Promise<boolean>;
  /** Checks every byte of a state, then loads it. A state that cannot be loaded is removed, and the error thrown. */
  restore(state: SavedState<Header>, load: (path: string) => Promise<void>): Promise<void>;
  /** Removes a file that was begun. */
  discard(path: string): Promise<void>;
  /** Removes what is beyond the limit, and what killed engines have left behind. */
  evict(): Promise<void>;
}

/** In ms: no write takes so long. */
const ABANDONED_MS = 600_000;

/** Names of files that are being written hold this number and a count: other engines have other numbers. */
const ENGINE_NUMBER = randomInt(2 ** 31);
let files = 0;

/** No folder is made before the first state is written. */
export function createStateFolder<Content, Header extends StateSize>(
  { folder, bytes: limit }: KvCache,
  format: StateFormat<Content, Header>,
): StateFolder<Content, Header> {
  const root = dirname(folder);
  /** Headers by name; undefined: of another setup. A name stands for its content, so each header is read once. */
  const headers = new Map<string, Header | undefined>();

  const fileOf = (name: string): string => join(folder, `${name}${format.ending}`);
  const discard = (path: string): Promise<void> => rm(path, { force: true }).catch(() => {});

  const headerOf = async (name: string): Promise<Header | undefined> => {
    if (headers.has(name)) return headers.get(name);
    const header = await format.readHeader(fileOf(name)).catch(async (error) => {
      if (error instanceof BadStateError) await discard(fileOf(name));
      return null;
    });
    if (header !== null) headers.set(name, header);
    return header ?? undefined;
  };

  const self: StateFolder<Content, Header> = {
    async states() {
      const names = (await namesIn(folder))
        .filter((name) => SAVED_STATE_FILE.test(name) && name.endsWith(format.ending))
        .map(digitsOf);
      for (const known of headers.keys()) if (!names.includes(known)) headers.delete(known);
      const found: SavedState<Header>[] = [];
      for (const name of names) {
        const header = await headerOf(name);
        if (header !== undefined) found.push({ ...header, name });
      }
      return found;
    },
    async best(usable, least) {
      const all = (await self.states()).map((state) => ({ state, tokens: usable(state) }));
      const [best] = all.sort((a, b) => b.tokens - a.tokens || a.state.bytes - b.state.bytes);
      return best === undefined || best.tokens < least ? undefined : best.state;
    },
    async begin(content) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `.${format.nameOf(content)}.${ENGINE_NUMBER}.${files++}.tmp`);
      await (await open(path, "wx", 0o600)).close();
      return path;
    },
    async commit(path, content, replaces = () => false) {
      try {
        const replaced = (await self.states()).filter(replaces);
        const fits = (await format.seal(path, content)) <= limit;
        if (!fits) await discard(path);
        else {
          await rename(path, fileOf(digitsOf(basename(path).slice(1))));
          for (const { name } of replaced) await discard(fileOf(name));
          await self.evict();
        }
        return fits;
      } catch (error) {
        await discard(path);
        throw error;
      }
    },
    async restore({ name }, load) {
      const path = fileOf(name);
      try {
        await format.verify(path);
        const now = new Date();
        await utimes(path, now, now);
        await load(path);
      } catch (error) {
        await discard(path);
        throw error;
      }
    },
    discard,
    async evict() {
      const all = await filesBelow(root);
      const [unfinished, finished] = [all.filter(({ name }) => UNFINISHED_STATE_FILE.test(name)), all.filter(isState)];
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

interface StoredFile {
  name: string;
  path: string;
  size: number;
  /** In ms since 1970. */
  used: number;
}

const isState = ({ name }: StoredFile): boolean => SAVED_STATE_FILE.test(name);

/** All files in the folders of all models. */
async function filesBelow(root: string): Promise<StoredFile[]> {
  const found: StoredFile[] = [];
  for (const model of await namesIn(root)) {
    for (const name of await namesIn(join(root, model))) {
      const path = join(root, model, name);
      const file = await stat(path).catch(() => undefined);
      if (file?.isFile()) found.push({ name, path, size: file.size, used: file.mtimeMs });
    }
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
