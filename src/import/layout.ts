// Is it a data folder of Jan or of cortex, and where in it does what lie?
import { join } from "node:path";
import { MARKER } from "../storage/file-names.ts";
import { disk, type FolderEntry } from "../storage/drivers/fs-durable/file-system.ts";
import { ImportError, LINK, openOldFolder, UnreadableError, type OldFolder } from "./old-folder.ts";
import type { Report } from "./report.ts";

/** Newest first: what an older version has left is often described once more by a newer one. */
export const MODEL_FOLDERS = ["llamacpp/models", "models"];

const FOLDERS = ["threads", "assistants", "models", "llamacpp"];
const FILES = ["cortex.db", ".cortexrc"];
/** Made by every Jan, and by no cortex: Jan 0.5 had a cortex within it, with its files. */
const OF_JAN = ["extensions", "settings", "settings.json", "llamacpp", "mcp_config.json"];

export interface Layout {
  folder: OldFolder;
  from: Report["from"];
}

/** Throws `ImportError`. Jan's configuration folder will do too: on some systems the data lies in `data` below it. */
export async function layoutOf(path: string): Promise<Layout> {
  for (const place of [path, join(path, "data")]) {
    const there = place === path || (await disk.kind(place).catch(() => undefined)) === "folder";
    const layout = there ? await layoutAt(place) : undefined;
    if (layout !== undefined) return layout;
  }
  throw new ImportError(
    `${path} is no data folder of Jan or cortex: it has no "threads", "assistants" or "models" of theirs. Jan shows the path of its own in Settings, under "Data Folder".`,
  );
}

async function layoutAt(path: string): Promise<Layout | undefined> {
  const folder = await openOldFolder(path);
  const entries = await folder.list("");
  const has = (name: string): boolean => entries.some((entry) => entry.name === name);
  if (has(MARKER)) throw new ImportError(`${path} is a data folder of ingle itself. Use it with --data instead.`);
  if (!FILES.some(has) && !(await hasOurs(folder, entries))) return undefined;
  const is_jan = OF_JAN.some(has) || (await folder.list("assistants").catch(() => [])).some(({ name }) => name === "jan");
  return { folder, from: FILES.some(has) && !is_jan ? "cortex" : "jan" };
}

/** A folder called "models" alone may be anybody's. */
async function hasOurs(folder: OldFolder, entries: FolderEntry[]): Promise<boolean> {
  const names = entries.filter(({ name, kind }) => kind !== "file" && FOLDERS.includes(name)).map(({ name }) => name);
  if (names.some((name) => name === "threads" || name === "assistants")) return true;
  for (const place of MODEL_FOLDERS) {
    if ((await manifestsIn(folder, place)).manifests.length > 0) return true;
  }
  return false;
}

export interface Models {
  /** `model.json` and YAML files. */
  manifests: string[];
  /** GGUF files, with what looks like one and is a link. */
  weights: string[];
  /** Folders that were not looked into, each with the sentence why. */
  closed: { path: string; reason: string }[];
}

const DEEPEST_FOLDER = 8;

/** Of a folder and all below it. */
export async function manifestsIn(folder: OldFolder, path: string, levels = DEEPEST_FOLDER): Promise<Models> {
  const found: Models = { manifests: [], weights: [], closed: [] };
  const entries = await folder.list(path).catch((error: UnreadableError) => {
    found.closed.push({ path, reason: error.message });
    return [];
  });
  for (const { name, kind } of entries) {
    const place = `${path}/${name}`;
    if (kind === "folder" && levels > 0) {
      const below = await manifestsIn(folder, place, levels - 1);
      found.manifests.push(...below.manifests);
      found.weights.push(...below.weights);
      found.closed.push(...below.closed);
    } else if (kind === "folder") found.closed.push({ path: place, reason: "It lies too deep for a model's folder." });
    else if (name.endsWith(".gguf")) found.weights.push(place);
    else if (kind === "other") found.closed.push({ path: place, reason: LINK });
    else if (name === "model.json" || /\.ya?ml$/.test(name)) found.manifests.push(place);
  }
  return found;
}
