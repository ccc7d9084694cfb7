// How people name a model: an id, a repository of the hub, an address, or a path. Reads nothing and dials nothing.
import { pathToFileURL } from "node:url";
import * as v from "valibot";
import { withoutPart } from "./split-gguf.ts";

const Part = v.pipe(v.string(), v.regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/));

/** Files of a repository, which only the hub can say. */
export const HubReference = v.object({
  repo: v.pipe(
    v.string(),
    v.check((repo) => repo.split("/").length === 2 && repo.split("/").every((part) => v.is(Part, part))),
  ),
  /** A branch, a tag or a commit. */
  revision: v.optional(v.string(), "main"),
  /** Such as `Q4_K_M`. Absent, as `file`: the best that most machines can run. */
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

/** What was typed names no model. The sentence says what would. */
export class ModelNameError extends Error {
  override readonly name = "ReferenceError";
}

const HUB_PREFIX = /^(hf:|huggingface:|https?:\/\/(www\.)?(huggingface\.co|hf\.co)(?=\/)|hf\.co\/|huggingface\.co\/)/i;
const PATH = /^(\/|\.\.?[/\\]|~|file:|[A-Za-z]:[/\\])/;
const FORMS = "Name it hf:owner/repo, hf:owner/repo:Q4_K_M or hf:owner/repo/file.gguf.";

/** Throws `ReferenceError`. */
export function parseModelName(text: string): ModelName {
  const prefix = HUB_PREFIX.exec(text)?.[0];
  if (prefix !== undefined) return { kind: "hub", reference: parseHubReference(text.slice(prefix.length)) };
  if (PATH.test(text)) return { kind: "path", path: text };
  if (/^https?:\/\//i.test(text)) return { kind: "url", url: text };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw new ModelNameError(`"${text.slice(0, 80)}" is no http address.`);
  return /\.gguf$/i.test(text) ? { kind: "path", path: text } : { kind: "id", id: text };
}

/** `owner/repo`, with `:quant`, `@revision` or `/file.gguf` behind it, or as the path of one of the hub's pages. Throws `ReferenceError`. */
export function parseHubReference(text: string): HubReference {
  const [owner = "", name = "", ...rest] = decoded(text.replace(/^\/+|\/+$/g, "").replace(/[?#].*$/, "")).split("/");
  const [, repo = "", revision = "main", quant] = /^([^:@]*)(?:@([^:]+))?(?::(.+))?$/.exec(name) ?? [];
  const page = /^(blob|resolve|raw|tree)$/.test(rest[0] ?? "") ? rest.splice(0, 2)[1] : undefined;
  const reference = {
    repo: `${owner}/${repo}`,
    revision: page ?? revision,
    ...(quant !== undefined && { quant }),
    ...(rest.length > 0 && { file: rest.join("/") }),
  };
  const wrong =
    !v.is(HubReference, reference) || (quant !== undefined && rest.length > 0) || !safe([...rest, reference.revision]);
  if (wrong) throw new ModelNameError(`"${text.slice(0, 120)}" names no repository of Hugging Face. ${FORMS}`);
  if (reference.file !== undefined && !/\.gguf$/i.test(reference.file)) {
    throw new ModelNameError(`"${reference.file.slice(0, 120)}" is no GGUF file, and only these can be run. ${FORMS}`);
  }
  return reference;
}

/** The id that a model gets which was given none. */
export function idOfName(named: Exclude<ModelName, { kind: "id" }>): string {
  if (named.kind === "url") return stemOf(new URL(named.url).pathname);
  if (named.kind === "path") return stemOf(named.path);
  const { repo, quant, file } = named.reference;
  return file === undefined ? repo + (quant === undefined ? "" : `:${quant}`) : `${repo}/${stemOf(file)}`;
}

/** The address that stands for it: the same for two names of one thing. */
export function addressOfName(named: Exclude<ModelName, { kind: "id" }>): string {
  if (named.kind === "url") return new URL(named.url).href;
  if (named.kind === "path") return pathToFileURL(named.path).href;
  const { repo, revision, quant, file } = named.reference;
  const at = file === undefined ? (revision === "main" ? "" : `/tree/${revision}`) : `/blob/${revision}/${file}`;
  return `https://huggingface.co/${repo}${at}${quant === undefined ? "" : `#${quant.toUpperCase()}`}`;
}

/** `a/b-00001-of-00003.gguf` is `b`. */
export function stemOf(path: string): string {
  const name = decoded(path).split(/[/\\]/).at(-1) ?? "";
  return withoutPart(name).replace(/\.gguf$/i, "");
}

/** A plain name for a file that came from somewhere: what other systems or shells trip over becomes `-`. */
export function safeFileName(path: string): string {
  const name = (decoded(path).split(/[/\\]/).at(-1) ?? "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9_]+/, "");
  const named = name.replace(/\.gguf$/i, "").slice(-190) || "model";
  return `${named.replace(/^[^A-Za-z0-9_]+/, "")}.gguf`;
}

function safe(names: string[]): boolean {
  return names.every((name) => name !== "" && name !== "." && name !== ".." && !/[\\\p{Cc}]/u.test(name) && name.length <= 200);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
