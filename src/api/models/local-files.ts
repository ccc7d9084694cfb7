// Model files that are used where they are: never copied, never changed, never deleted.
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep, isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { absolutePath, PathError } from "../../../models/absolute-path.ts";
import { fillFromHeader } from "../../../models/gguf/fill-from-header.ts";
import { GgufError, readGgufFile } from "../../../models/gguf/header.ts";
import { whyUnusable } from "../../../models/gguf/usable.ts";
import type { Model, ModelFile } from "../../../models/manifest.ts";
import { safeFileName } from "../../../models/reference.ts";
import { missingParts } from "../../../models/split-gguf.ts";
import { ApiError, invalidValue } from "../../http/errors.ts";
import { quote } from "../../support/quote.ts";
import { findParts, findProjector, type NamedFile } from "./files-beside.ts";

/**
 * The model with the file at `path`, the other parts of it where it is split, and the facts of its header. Only files `within` that
 * folder are taken; `null` takes none, undefined any. Throws `ApiError` 400 and 403, for `path`.
 */
export async function describeFilesInPlace(model: Model, path: string, within: string | null | undefined): Promise<Model> {
  const isUsable = async (path: string): Promise<boolean> => {
    const real = await realpath(path).catch(() => undefined);
    return real !== undefined && (await mayBeUsed(real, within)) && (await stat(real)).isFile();
  };
  const place = await resolveFile(path, within);
  const { paths, missing } = await findParts(place, isUsable);
  if (missing.length > 0) {
    const there = `The model has ${paths.length} parts, and only ${paths.length - missing.length} are in its folder.`;
    throw invalidValue(`${there} ${missingParts(missing)}`, "path");
  }
  const projector = await findProjector(place, isUsable);
  const files: ModelFile[] = await Promise.all(paths.map(describeFile));
  if (projector !== undefined) files.push({ ...(await describeFile(projector)), role: "projector" });
  const header = await readGgufFile(paths[0]!).catch((error) => {
    if (error instanceof GgufError) throw invalidValue(`${quote(path)} cannot be used: ${error.message}`, "path");
    throw error;
  });
  const names = paths.map((path) => basename(path));
  const fault = whyUnusable(header, names);
  if (fault !== undefined) throw invalidValue(`${quote(path)} cannot be used: ${fault}`, "path");
  return fillFromHeader({ ...model, source_url: pathToFileURL(paths[0]!).href, files }, header);
}

/** A file that may be used; `param` names its field. Links are followed before the check: the place of the file itself decides. */
export async function resolveFile(path: string, within: string | null | undefined, param = "path"): Promise<NamedFile> {
  const absolute = path.startsWith("file:") ? pathFromUrl(path, param) : pathFromText(path, param);
  const message = `The file ${quote(path)} may not be used by its path over the API. Only files in --models-dir may.`;
  const denied = new ApiError(403, message, { param, code: "path_not_allowed" });
  const real = await realpath(absolute).catch(() => undefined);
  // Checked before its existence: a caller who may not use a file does not learn from the answer whether it exists.
  if (!(await mayBeUsed(real, within))) throw denied;
  const stats = real === undefined ? undefined : await stat(real);
  if (real === undefined || !stats?.isFile()) throw invalidValue(`There is no file ${quote(path)}.`, param);
  return { real, named: join(await realpath(dirname(absolute)), basename(absolute)) };
}

/** `real`: what links lead to, undefined where there is nothing. */
async function mayBeUsed(real: string | undefined, within: string | null | undefined): Promise<boolean> {
  if (within === undefined) return true;
  return real !== undefined && within !== null && isWithin(await realpath(within).catch(() => resolve(within)), real);
}

/** Nothing counts from the server's working folder, of which a client knows nothing. */
function pathFromText(text: string, param: string): string {
  if (!isAbsolute(text) && !text.startsWith("~")) throw invalidValue(`${quote(text)} is not an absolute path.`, param);
  try {
    return absolutePath(text, `"${param}"`);
  } catch (error) {
    throw error instanceof PathError ? invalidValue(error.message, param) : error;
  }
}

function pathFromUrl(text: string, param: string): string {
  try {
    return fileURLToPath(text);
  } catch {
    throw invalidValue(`${quote(text)} names no file of this machine. Write it as a path, or as file:///…`, param);
  }
}

function isWithin(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return inside !== "" && inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

async function describeFile(path: string): Promise<ModelFile> {
  return { name: safeFileName(path), size: (await stat(path)).size, path, sources: [] };
}
