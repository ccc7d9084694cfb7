// The GGUF files that a manifest names: where they are, and whether they look whole.
import { dirname, isAbsolute, join, resolve, win32 } from "node:path";
import { fileURLToPath } from "node:url";
import { allParts, partOf } from "../../models/split-gguf.ts";
import { disk } from "../storage/drivers/fs-durable/file-system.ts";
import type { Manifest } from "./manifest.ts";
import { isWithin, openFile, UnreadableError, type OldFolder } from "./old-folder.ts";

export interface Weights {
  /** Absolute paths and bytes; the first is the one to load. Empty where there is a `reason` why they cannot be used. */
  files: { path: string; size: number }[];
  reason?: string;
  /** Absolute paths that the manifest names, usable or not. */
  paths: string[];
}

export async function findWeights(folder: OldFolder, manifest: Manifest): Promise<Weights> {
  const path = await findFirst(folder, manifest);
  if (path === undefined) return { files: [], paths: [], reason: describeMissing(manifest) };
  const paths = allParts(path);
  const files: Weights["files"] = [];
  for (const path of paths) {
    const size = await ggufSize(path).catch(messageOf);
    if (typeof size === "string") return { files: [], paths, reason: `Of its file ${path}: ${size}` };
    files.push({ path, size });
  }
  const [first] = files;
  const { size } = manifest;
  if (size === undefined || files.length > 1 || first!.size === size) return { files, paths };
  return { files: [], paths, reason: `Its file has ${first!.size} bytes instead of ${size}: it was not downloaded to its end.` };
}

async function findFirst(folder: OldFolder, { path, references }: Manifest): Promise<string | undefined> {
  const own = join(folder.root, dirname(path));
  for (const reference of references) {
    for (const place of placesOf(reference, folder.root, own)) {
      if (!(await isAllowed(place, reference, folder.root))) continue;
      const kind = await disk.kind(place).catch(() => undefined);
      if (kind === "file" || kind === "other") return place;
    }
  }
  return findOnlyGguf(own, /\/[^/]+\/model\.(json|ya?ml)$/.test(path));
}

function placesOf(reference: string, root: string, own: string): string[] {
  const local = /^file:\/\//i.test(reference) ? asPath(reference) : reference.replace(/^models:\/\//, "models/");
  const beside = join(own, win32.basename(local));
  if (/^https?:\/\//i.test(local)) return [beside.replace(/[?#].*$/, "")];
  if (isAbsolute(local)) return [local, beside];
  // A folder may have been moved here from Windows.
  return [...new Set([local, local.replaceAll("\\", "/")])]
    .flatMap((one) => [resolve(root, one), resolve(own, one)])
    .concat(beside);
}

function asPath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url.replace(/^file:\/\//i, "");
  }
}

/** A path within the folder, or one that the manifest names in full: Jan uses files of other folders in place too. */
async function isAllowed(place: string, reference: string, root: string): Promise<boolean> {
  return (await isWithin(root, place)) || (isAbsolute(reference) && place === reference && !place.startsWith(`${root}/`));
}

/** The one GGUF file beside a manifest that is alone in its folder. */
async function findOnlyGguf(own: string, is_alone: boolean): Promise<string | undefined> {
  if (!is_alone) return undefined;
  const entries = await disk.list(own).catch(() => []);
  const found = entries.filter(({ name, kind }) => kind === "file" && isModelName(name));
  return found.length === 1 ? join(own, found[0]!.name) : undefined;
}

/** Whether a GGUF file stands for a model: it is not a projector for images, and no part of a model but the first. */
export function isModelName(name: string): boolean {
  return name.endsWith(".gguf") && !/mmproj/i.test(name) && partOf(name).no === 1;
}

/** In bytes. Throws `UnreadableError` for what is not there or does not begin as GGUF does. */
async function ggufSize(path: string): Promise<number> {
  const handle = await openFile(path);
  if (handle === undefined) throw new UnreadableError("It is not there.");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (bytesRead < 4 || buffer.toString("latin1") !== "GGUF") throw new UnreadableError("It is not a GGUF file.");
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

function messageOf(error: unknown): string {
  if (error instanceof UnreadableError) return error.message;
  throw error;
}

const LOCAL = /^(nitro|llama-?cpp|cortex(\.llamacpp)?)$/i;

function describeMissing({ engine }: Manifest): string {
  return engine !== undefined && !LOCAL.test(engine)
    ? `It runs at "${engine.slice(0, 40)}", not from a GGUF file on this machine.`
    : "Its GGUF file is not there: it was never downloaded, or it was moved.";
}
