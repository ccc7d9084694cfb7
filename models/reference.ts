// How people name a model: an id, a repository of the hub, an address, or a path. Nothing here reads a disk or the network.
import { pathToFileURL } from "node:url";
import * as v from "valibot";
import { withoutPart } from "./split-gguf.ts";

const Part = v.pipe(v.string(), v.regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/));

/** Names files of a repository that only the hub can list. */
export const HubReference = v.object({
  repo: v.pipe(
    v.string(),
    v.check((repo) => repo.split("/").length === 2 && repo.split("/").every((part) => v.is(Part, part))),
  ),
  /** A branch, a tag or a commit. */
  revision: v.optional(v.string(), "main"),
  /** Such as `Q4_K_M`. Without this and `file`: the best that most machines can run. */
  quant: v.optional(v.string()),
  /** Path in the repository of the file, or of the first of its parts. */
  file: v.optional(v.string()),
});
export type HubReference = v.InferOutput<typeof HubReference>;

export type ModelName =
  | { kind: "id"; id: string }
  | { kind: "hub"; reference: HubReference }
  | { kind: "url"; url: string }
  | { kind: "path"; path: string };

/** The text names no model. The message says which forms there are. */
export class ModelNameError extends Error {
  override readonly name = "ReferenceError";
}

const HUB_PREFIX = /^(hf:|huggingface:|https?:\/\/(www\.)?(huggingface\.co|hf\.co)(?=\/)|hf\.co\/|huggingface\.co\/)/i;
const PATH = /^(\/|\.\.?[/\\]|~|file:|[A-Za-z]:[/\\])/;
const FORMS = "Name it hf:owner/repo, hf:owner/repo:Q4_K_M or hf:owner/repo/file.gguf.";

/** Throws `ModelNameError`. */
export function parseModelName(text: string): ModelName {
  const prefix = HUB_PREFIX.exec(text)?.[0];
  if (prefix !== undefined) return { kind: "hub", reference: parseHubReference(text.slice(prefix.length)) };
  if (PATH.test(text)) return { kind: "path", path: text };
  if (/^https?:\/\//i.test(text)) return { kind: "url", url: text };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw new ModelNameError(`"${text.slice(0, 80)}" is not an http address.`);
  return /\.gguf$/i.test(text) ? { kind: "path", path: text } : { kind: "id", id: text };
}

/** `owner/repo`, with `:quant`, `@revision` or `/file.gguf` behind it, or as the path of one of the hub's pages. Throws `ModelNameError`. */
export function parseHubReference(text: string): HubReference {
  const [owner = "", ...segments] = text
    .replace(/[?#].*$/, "")
    .replace(/^\/+|\/+$/g, "")
    .split("/");
  const [, below = "", quant] = /^(.*?)(?::([^:/]+))?$/.exec(segments.join("/"))!;
  const { name, revision, path } = splitRevision(below);
  const file = path.map(decodeText).join("/");
  const reference = {
    repo: `${decodeText(owner)}/${decodeText(name)}`,
    revision: decodeText(revision),
    ...(quant !== undefined && { quant: decodeText(quant) }),
    ...(file !== "" && { file }),
  };
  const both = quant !== undefined && file !== "";
  const names = [...(path.length > 0 ? file.split("/") : []), ...reference.revision.split("/")];
  if (both || !v.is(HubReference, reference) || !isSafe(names))
    throw new ModelNameError(`"${text.slice(0, 120)}" names no repository of Hugging Face. ${FORMS}`);
  if (reference.file !== undefined && !/\.gguf$/i.test(reference.file)) {
    throw new ModelNameError(`"${reference.file.slice(0, 120)}" is not a GGUF file, and only these can be run. ${FORMS}`);
  }
  return reference;
}

/** What stands behind the owner: `name`, `name@revision/path` or `name/blob/revision/path`. */
function splitRevision(text: string): { name: string; revision: string; path: string[] } {
  const [first = "", ...rest] = text.split("/");
  const [name = "", ...after] = first.split("@");
  if (after.length > 0) {
    const given = [after.join("@"), ...rest];
    // A branch may have slashes in its name, too.
    const length = /\.gguf$/i.test(given.at(-1)!) ? lengthOfRevision(given) : given.length;
    return { name, revision: given.slice(0, length).join("/"), path: given.slice(length) };
  }
  if (!/^(blob|resolve|raw|tree)$/.test(rest[0] ?? "")) return { name, revision: "main", path: rest };
  const [, ...given] = rest;
  const length = lengthOfRevision(given);
  return { name, revision: given.slice(0, length).join("/"), path: given.slice(length) };
}

/** Segments of the revision that a path begins with: `refs/pr/1` has three, and pages of the hub encode the slashes of others. */
const lengthOfRevision = ([first]: string[]): number => (first === "refs" ? 3 : 1);

/** The id of a model for which none was chosen. */
export function idOfName(name: Exclude<ModelName, { kind: "id" }>): string {
  if (name.kind === "url") return stemOf(new URL(name.url).pathname);
  if (name.kind === "path") return stemOf(name.path);
  const { repo, quant, file } = name.reference;
  return file === undefined ? repo + (quant === undefined ? "" : `:${quant}`) : `${repo}/${stemOf(file)}`;
}

/** One address for all names of one thing. */
export function addressOfName(name: Exclude<ModelName, { kind: "id" }>): string {
  if (name.kind === "url") return new URL(name.url).href;
  if (name.kind === "path") return pathToFileURL(name.path).href;
  const { repo, revision, quant, file } = name.reference;
  const page = encodeURIComponent(revision);
  const at = file === undefined ? (revision === "main" ? "" : `/tree/${page}`) : `/blob/${page}/${file}`;
  return `https://huggingface.co/${repo}${at}${quant === undefined ? "" : `#${quant.toUpperCase()}`}`;
}

/** `a/b-00001-of-00003.gguf` is `b`. */
export function stemOf(path: string): string {
  const name = decodeText(path).split(/[/\\]/).at(-1) ?? "";
  return withoutPart(name).replace(/\.gguf$/i, "");
}

/** A file name that is safe on every system and in shells: other characters become `-`. */
export function safeFileName(path: string): string {
  const name = (decodeText(path).split(/[/\\]/).at(-1) ?? "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9_]+/, "");
  const stem = name.replace(/\.gguf$/i, "").slice(-190) || "model";
  return `${stem.replace(/^[^A-Za-z0-9_]+/, "")}.gguf`;
}

function isSafe(names: string[]): boolean {
  return names.every((name) => name !== "" && name !== "." && name !== ".." && !/[\\\p{Cc}]/u.test(name) && name.length <= 200);
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
