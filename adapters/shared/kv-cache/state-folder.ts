// The saved states of idle conversations: which there are of this very model and setup, and which go when there are too many. Several
// engines may work in the folder, each in its own process: a file appears whole, by a rename, and may be gone at any time. Its name says
// whose conversation it is, so that nobody's requests ever meet the states of another API key.
import { createHash, randomInt } from "node:crypto";
import { open, readdir, rename, rm, stat, utimes, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SAVED_STATE_FILE, UNFINISHED_STATE_FILE, type SavedStateExtension } from "../../../models/saved-state-files.ts";
import { folderIdOf } from "../../../models/folder-id.ts";
import { makeModelFolder } from "../../../models/model-folder.ts";
import type { KvCache } from "../../load-options.ts";
import { BadStateError, withFile } from "./state-bytes.ts";

/** How an engine writes its states. `Content`: what a state stands for. `size`: of the file, in bytes. */
export interface StateFormat<Content> {
  ending: SavedStateExtension;
  /** 32 hexadecimal digits, which stand for this content and no other. */
  nameOf(content: Content): string;
  /** Completes what the native side has written. */
  seal(file: FileHandle, size: number, content: Content): Promise<void>;
  /** Throws `BadStateError` where the header says enough, undefined for one of another setup, and what the disk throws. */
  readHeader(file: FileHandle, size: number): Promise<Content | undefined>;
  /** Throws `BadStateError` unless every byte is as it was sealed. */
  verify(file: FileHandle, size: number): Promise<void>;
}

/** `name`: without its ending. `bytes`: the size of the file. */
export type SavedState<Content> = Content & { readonly name: string; readonly bytes: number };

export type StateFolder<Content extends object> = ReturnType<typeof createStateFolder<Content>>;

/** In ms: no write takes so long. */
const ABANDONED_MS = 600_000;

/** Names of files that are being written hold this number and a count: other engines have other numbers. */
const ENGINE_NUMBER = randomInt(2 ** 31);
let files = 0;

/** No folder is made before the first state is written. */
export function createStateFolder<Content extends object>(cache: KvCache, format: StateFormat<Content>) {
  const { folder, bytes: limit } = cache;
  const root = dirname(folder);
  /** By name; undefined: of another setup. A name stands for its content, so each header is read once. */
  const known = new Map<string, SavedState<Content> | undefined>();
  return { states, best, begin, commit, restore, discard, evict };

  function fileOf(name: string): string {
    return join(folder, `${name}${format.ending}`);
  }

  async function stateOf(name: string): Promise<SavedState<Content> | undefined> {
    if (known.has(name)) return known.get(name);
    try {
      const state = await withFile(fileOf(name), "r", async (file, bytes) => {
        const content = await format.readHeader(file, bytes);
        return content && { ...content, name, bytes };
      });
      known.set(name, state);
      return state;
    } catch (error) {
      if (error instanceof BadStateError) await discard(fileOf(name));
      return undefined;
    }
  }

  /** All of one `ChatRequest.cache_scope` that can be read now. A file that turns out to be no whole state is removed. */
  async function states(scope: string): Promise<SavedState<Content>[]> {
    const files = (await namesIn(folder)).filter((name) => SAVED_STATE_FILE.test(name) && name.endsWith(format.ending));
    const names = new Set(files.map(digitsOf));
    for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    const found: SavedState<Content>[] = [];
    for (const name of names) {
      if (!name.startsWith(scopeDigits(scope))) continue;
      const state = await stateOf(name);
      if (state !== undefined) found.push(state);
    }
    return found;
  }

  /** The one of the scope of which most tokens are usable, `least` at least; of several the smallest. */
  async function best(
    scope: string,
    usable: (state: Content) => number,
    least: number,
  ): Promise<SavedState<Content> | undefined> {
    const all = (await states(scope)).map((state) => ({ state, tokens: usable(state) })).filter(({ tokens }) => tokens >= least);
    return all.sort((a, b) => b.tokens - a.tokens || a.state.bytes - b.state.bytes)[0]?.state;
  }

  /** An empty file for llama.cpp to write this state to, with a name that no other engine uses, for its owner alone. */
  async function begin(scope: string, content: Content): Promise<string> {
    await makeStateFolder(cache);
    const path = join(folder, `.${scopeDigits(scope)}-${format.nameOf(content)}.${ENGINE_NUMBER}.${files++}.tmp`);
    await (await open(path, "wx", 0o600)).close();
    return path;
  }

  /**
   * Makes it one of the states of the scope, then removes those that it `replaces` and the least recently used of all models beyond the
   * limit. Answers whether it fits the limit by itself. Where it throws, the file is gone.
   */
  async function commit(scope: string, path: string, content: Content, replaces = (_state: Content) => false): Promise<boolean> {
    try {
      const replaced = (await states(scope)).filter(replaces);
      await withFile(path, "r+", (file, size) => format.seal(file, size, content));
      const fits = (await stat(path)).size <= limit;
      if (!fits) await discard(path);
      else {
        await rename(path, fileOf(digitsOf(basename(path).slice(1))));
        for (const { name } of replaced) await discard(fileOf(name));
        await evict();
      }
      return fits;
    } catch (error) {
      await discard(path);
      throw error;
    }
  }

  /** Checks every byte of a state, then loads it. A state that cannot be loaded is removed, and the error thrown. */
  async function restore({ name }: SavedState<Content>, load: (path: string) => Promise<void>): Promise<void> {
    const path = fileOf(name);
    try {
      await withFile(path, "r", format.verify);
      const now = new Date();
      await utimes(path, now, now);
      await load(path);
    } catch (error) {
      await discard(path);
      throw error;
    }
  }

  /** Removes a file that was begun. */
  function discard(path: string): Promise<void> {
    return rm(path, { force: true }).catch(() => {});
  }

  /** Removes what is beyond the limit, and what killed engines have left behind. */
  async function evict(): Promise<void> {
    const all = await filesBelow(root);
    const abandoned = all.filter(({ name, used }) => UNFINISHED_STATE_FILE.test(name) && Date.now() - used > ABANDONED_MS);
    for (const { path } of abandoned) await discard(path);
    const finished = all.filter(({ name }) => SAVED_STATE_FILE.test(name)).sort((a, b) => a.used - b.used);
    let total = finished.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of finished) {
      if (total <= limit) return;
      await discard(path);
      total -= size;
    }
  }
}

/** Makes the folder of a model where it is not there. Throws where the data folder is not, or is another one. */
export async function makeStateFolder({ folder, within }: KvCache): Promise<void> {
  if (within !== undefined && (await folderIdOf(within.folder)) !== within.id) throw new Error("The data folder is another one.");
  await makeModelFolder(folder);
}

const digitsOf = (name: string): string => name.slice(0, 65);

const scopeDigits = (scope: string): string => createHash("sha256").update(scope).digest("hex").slice(0, 32);

/** All files in the folders of all models; `used`: in ms since 1970. */
async function filesBelow(root: string) {
  const found: { name: string; path: string; size: number; used: number }[] = [];
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
