// Model files that are used where they are: never copied, never changed, never deleted.
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep, isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { absolutePath, PathError } from "../../../models/absolute-path.ts";
import { fillFromHeader } from "../../../models/gguf/fill-from-header.ts";
import { GgufError, readGgufFile } from "../../../models/gguf/header.ts";
import { whyNoModel } from "../../../models/gguf/kind.ts";
import type { Model, ModelFile } from "../../../models/manifest.ts";
import { safeFileName } from "../../../models/reference.ts";
import { allParts } from "../../../models/split-gguf.ts";
import { ApiError, invalidValue } from "../../http/errors.ts";
import { quote } from "../../support/quote.ts";

/**
 * The model with the file at `path`, the other parts of it where it is split, and the facts of its header. Only files `within` that
 * folder are taken; `null` takes none, undefined any. Throws `ApiError` 400 and 403, for `path`.
 */
export async function describeFilesInPlace(model: Model, path: string, within: string | null | undefined): Promise<Model> {
  const place = await resolveFile(path, within);
  const paths = await findParts(place);
  const projector = await findProjector(paths);
  const files: ModelFile[] = await Promise.all(paths.map(describeFile));
  if (projector !== undefined) files.push({ ...(await describeFile(projector)), role: "projector" });
  const header = await readGgufFile(paths[0]!).catch((error) => {
    if (error instanceof GgufError) throw invalidValue(`${quote(path)} cannot be used: ${error.message}`, "path");
    throw error;
  });
  const no_model = whyNoModel(header);
  if (no_model !== undefined) throw invalidValue(`${quote(path)} cannot be used: ${no_model}`, "path");
  return fillFromHeader({ ...model, source_url: pathToFileURL(paths[0]!).href, files }, header);
}

/** The real path of a file that may be used. Links are followed before the check: the place of the file itself decides. */
async function resolveFile(path: string, within: string | null | undefined): Promise<string> {
  const absolute = path.startsWith("file:") ? pathFromUrl(path) : pathFromText(path);
  const message = `The file ${quote(path)} may not be used by its path over the API. Only files in --models-dir may.`;
  const denied = new ApiError(403, message, { param: "path", code: "path_not_allowed" });
  if (within === null) throw denied;
  const real = await realpath(absolute).catch(() => undefined);
  // Checked before its existence: a caller who may not use a file does not learn from the answer whether it exists.
  if (within !== undefined && (real === undefined || !isWithin(await realpath(within).catch(() => resolve(within)), real)))
    throw denied;
  const stats = real === undefined ? undefined : await stat(real);
  if (real === undefined || !stats?.isFile()) throw invalidValue(`There is no file ${quote(path)}.`, "path");
  return real;
}

/** Nothing counts from the server's working folder, of which a client knows nothing. */
function pathFromText(text: string): string {
  if (!isAbsolute(text) && !text.startsWith("~")) throw invalidValue(`${quote(text)} is not an absolute path.`, "path");
  try {
    return absolutePath(text, '"path"');
  } catch (error) {
    throw error instanceof PathError ? invalidValue(error.message, "path") : error;
  }
}

function pathFromUrl(text: string): string {
  try {
    return fileURLToPath(text);
  } catch {
    throw invalidValue(`${quote(text)} names no file of this machine. Write it as a path, or as file:///…`, "path");
  }
}

function isWithin(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return inside !== "" && inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

/** The paths of all parts of a split model, in order. */
async function findParts(path: string): Promise<string[]> {
  const parts = allParts(path);
  const found = await Promise.all(parts.map((part) => stat(part).catch(() => undefined)));
  const count = found.filter((stats) => stats?.isFile()).length;
  if (count === parts.length) return parts;
  throw invalidValue(`The model has ${parts.length} parts, and only ${count} are in its folder.`, "path");
}

/** The projector beside the weights, where the folder holds no other model. */
async function findProjector(parts: string[]): Promise<string | undefined> {
  const folder = dirname(parts[0]!);
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.gguf$/i.test(name));
  const [projector, ...others] = names.filter((name) => /mmproj/i.test(name));
  const alone = names.length === parts.length + 1 && others.length === 0;
  return projector !== undefined && alone ? join(folder, projector) : undefined;
}

async function describeFile(path: string): Promise<ModelFile> {
  return { name: safeFileName(path), size: (await stat(path)).size, path, sources: [] };
}
