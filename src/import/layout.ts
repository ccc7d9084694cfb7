// Recognises a data folder of Jan or cortex, and finds the model files in it.
import { join } from "node:path";
import { MARKER } from "../storage/file-names.ts";
import { disk, type FolderEntry } from "../storage/drivers/fs-durable/file-system.ts";
import { ImportError, IS_LINK, openOldFolder, UnreadableError, type OldFolder } from "./old-folder.ts";
import type { Report } from "./report.ts";

/** Newest first: a newer version often describes the models of an older one once more. */
export const MODEL_FOLDERS = ["llamacpp/models", "models"];

const FOLDERS = ["threads", "assistants", "models", "llamacpp"];
const FILES = ["cortex.db", ".cortexrc"];
/** Names that every Jan makes and no cortex does: Jan 0.5 had a cortex within it, with its files. */
const OF_JAN = ["extensions", "settings", "settings.json", "llamacpp", "mcp_config.json"];

export interface FolderLayout {
  folder: OldFolder;
  from: Report["from"];
}

/** Throws `ImportError` where there is none. */
export async function findLayout(path: string): Promise<FolderLayout> {
  const layout = await recogniseLayout(path);
  if (layout !== undefined) return layout;
  throw new ImportError(
    `${path} is not a data folder of Jan or cortex: it has no "threads", "assistants" or "models" of theirs. Jan shows the path of its own in Settings, under "Data Folder".`,
  );
}

/**
 * Undefined for a folder of something else. Jan's configuration folder will do too: on some systems the data lies in `data` below it.
 * Throws `ImportError` for a folder that is not there, may not be read, or is ingle's own.
 */
export async function recogniseLayout(path: string): Promise<FolderLayout | undefined> {
  for (const place of [path, join(path, "data")]) {
    const there = place === path || (await disk.kind(place).catch(() => undefined)) === "folder";
    const layout = there ? await readLayout(place) : undefined;
    if (layout !== undefined) return layout;
  }
  return undefined;
}

async function readLayout(path: string): Promise<FolderLayout | undefined> {
  const folder = await openOldFolder(path);
  const entries = await folder.list("");
  const has = (name: string): boolean => entries.some((entry) => entry.name === name);
  if (has(MARKER)) throw new ImportError(`${path} is a data folder of ingle itself. Use it with --data instead.`);
  if (!FILES.some(has) && !(await hasImportable(folder, entries))) return undefined;
  const is_jan = OF_JAN.some(has) || (await folder.list("assistants").catch(() => [])).some(({ name }) => name === "jan");
  return { folder, from: FILES.some(has) && !is_jan ? "cortex" : "jan" };
}

/** A folder called "models" alone may be anybody's. */
async function hasImportable(folder: OldFolder, entries: FolderEntry[]): Promise<boolean> {
  const names = entries.filter(({ name, kind }) => kind !== "file" && FOLDERS.includes(name)).map(({ name }) => name);
  if (names.some((name) => name === "threads" || name === "assistants")) return true;
  for (const place of MODEL_FOLDERS) if ((await findModelFiles(folder, place)).manifests.length > 0) return true;
  return false;
}

export interface ModelFiles {
  /** `model.json` and YAML files. */
  manifests: string[];
  /** GGUF files, with what looks like one and is a link. */
  weights: string[];
  /** Folders that were not looked into, each with the sentence why. */
  closed: { path: string; reason: string }[];
}

const DEEPEST_FOLDER = 8;

export async function findModelFiles(folder: OldFolder, path: string): Promise<ModelFiles> {
  const found: ModelFiles = { manifests: [], weights: [], closed: [] };
  await addModelFiles(folder, path, DEEPEST_FOLDER, found);
  return found;
}

async function addModelFiles(folder: OldFolder, path: string, levels: number, found: ModelFiles): Promise<void> {
  const entries = await folder.list(path).catch((error: UnreadableError) => {
    found.closed.push({ path, reason: error.message });
    return [];
  });
  for (const { name, kind } of entries) {
    const place = `${path}/${name}`;
    if (kind === "folder" && levels > 0) await addModelFiles(folder, place, levels - 1, found);
    else if (kind === "folder") found.closed.push({ path: place, reason: "It lies too deep for a model's folder." });
    else if (name.endsWith(".gguf")) found.weights.push(place);
    else if (kind === "other") found.closed.push({ path: place, reason: IS_LINK });
    else if (name === "model.json" || /\.ya?ml$/.test(name)) found.manifests.push(place);
  }
}
