// The files that make up a model in a repository of the hub: parts of a split file and a projector belong together.
import * as v from "valibot";
import type { ModelFile } from "../manifest.ts";
import { fileName, type HubReference } from "../reference.ts";
import { type DownloadOptions, fetchUrl, HUGGING_FACE, SourceError } from "./web-request.ts";

/** An entry of the hub's `tree`. For a large file `oid` of `lfs` is the sha256 of its bytes. */
const HubEntry = v.object({
  type: v.string(),
  path: v.string(),
  size: v.optional(v.number(), 0),
  lfs: v.optional(v.object({ oid: v.string(), size: v.number() })),
});
export type HubEntry = v.InferOutput<typeof HubEntry>;

/** What runs well on most machines comes first. */
const PREFERRED = [
  "Q4_K_M",
  "Q4_K_S",
  "Q4_0",
  "Q4_1",
  "IQ4_NL",
  "IQ4_XS",
  "Q5_K_M",
  "Q5_K_S",
  "Q6_K",
  "Q8_0",
  "Q3_K_M",
  "Q2_K",
  "BF16",
  "F16",
  "F32",
];
const QUANT = /(?:^|[-._/])((?:UD-)?(?:IQ|TQ|Q)\d(?:_[A-Z0-9]+)*|MXFP4(?:_MOE)?|BF16|FP?16|FP?32)(?=[-._/]|$)/gi;
const PART = /-(\d{5})-of-(\d{5})\.gguf$/i;
const LARGEST_LISTING = 16 * 2 ** 20;

/** Asks the hub. Throws `SourceError`, and the signal's reason. */
export async function listRepoFiles(
  reference: HubReference,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<ModelFile[]> {
  const { repo, revision } = reference;
  const path = [...repo.split("/"), "tree", revision].map(encodeURIComponent).join("/");
  const { hf_endpoint = HUGGING_FACE } = options;
  const url = new URL(`${hf_endpoint.replace(/\/+$/, "")}/api/models/${path}?recursive=true`);
  const response = await fetchUrl(url, { accept: "application/json" }, options, signal);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw refused(reference, response.status, options);
  }
  return chooseFiles(await listing(response, url), reference);
}

async function listing(response: Response, url: URL): Promise<HubEntry[]> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > LARGEST_LISTING) throw new SourceError(`${url.host} lists more files than any repository has.`);
  }
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), v.array(HubEntry)), text);
  if (result.success) return result.output;
  throw new SourceError(`${url.host} did not answer with a list of files. Is it a mirror of the hub?`);
}

function refused({ repo, revision }: HubReference, status: number, { hf_token }: DownloadOptions): SourceError {
  if (status === 401 || status === 403) {
    const token = hf_token ? "The token in HF_TOKEN may not read it" : "It may need a token in HF_TOKEN";
    return new SourceError(
      `The hub answered ${status} for ${repo}: there is no such repository, or it is not open to all. ${token}.`,
    );
  }
  if (status === 404) return new SourceError(`There is no repository ${repo} with the revision "${revision}" on the hub.`);
  return new SourceError(
    `The hub answered ${status} for the list of the files of ${repo}.`,
    status >= 500 || status === 429 ? { retry_ms: 0 } : {},
  );
}

/** Throws `SourceError` where nothing fits, or more than one thing does; its sentence says what there is. */
export function chooseFiles(entries: HubEntry[], reference: HubReference): ModelFile[] {
  const files = entries.filter(({ type, path }) => type === "file" && /\.gguf$/i.test(path) && !/imatrix/i.test(path));
  const isProjector = ({ path }: HubEntry): boolean => /mmproj/i.test(path);
  const parts = chosenGroup(groupsOf(files.filter((file) => !isProjector(file))), reference);
  const count = Number(PART.exec(parts[0]!.path)?.[2] ?? 1);
  if (parts.length !== count)
    throw new SourceError(`Of the ${count} parts of the model only ${parts.length} are in ${reference.repo}.`);
  const projectors = files.filter(isProjector);
  const projector = projectors.find(({ path }) => /f16/i.test(path)) ?? projectors[0];
  const file = (entry: HubEntry): ModelFile => ({
    name: fileName(entry.path),
    size: entry.lfs?.size ?? entry.size,
    ...(entry.lfs && /^[0-9a-f]{64}$/.test(entry.lfs.oid) && { sha256: entry.lfs.oid }),
    sources: [{ type: "huggingface", repo: reference.repo, file: entry.path, revision: reference.revision }],
  });
  return [...parts.map(file), ...(projector ? [{ ...file(projector), role: "projector" as const }] : [])];
}

/** Files that belong together, their parts in order. */
function groupsOf(files: HubEntry[]): HubEntry[][] {
  const groups = Object.groupBy(files, ({ path }) => path.replace(PART, "-of-$2"));
  return Object.values(groups).map((group) => group!.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
}

function chosenGroup(groups: HubEntry[][], { repo, quant, file }: HubReference): HubEntry[] {
  const names = (some: HubEntry[][]): string =>
    some
      .map(([first]) => first!.path)
      .slice(0, 20)
      .join(", ");
  if (groups.length === 0)
    throw new SourceError(`There is no GGUF file in ${repo}. Look for a repository whose name ends with "-GGUF".`);
  if (file !== undefined) {
    const group = groups.find((group) => group.some(({ path }) => path === file));
    if (group === undefined) throw new SourceError(`There is no ${file} in ${repo}. It has: ${names(groups)}.`);
    return group;
  }
  const wanted = quant === undefined ? PREFERRED : [quant];
  const fitting = wanted
    .map((name) => groups.filter(([first]) => quantOf(first!.path) === name.toUpperCase()))
    .find((some) => some.length > 0);
  const some = fitting ?? (quant === undefined ? groups : []);
  if (some.length === 1) return some[0]!;
  const quants = [...new Set(groups.map(([first]) => quantOf(first!.path) ?? "unnamed"))].join(", ");
  if (some.length === 0) throw new SourceError(`There is no ${quant} in ${repo}. It has: ${quants}.`);
  throw new SourceError(`More than one file of ${repo} fits: ${names(some)}. Name one: hf:${repo}/${some[0]![0]!.path}`);
}

/** `Q4_K_M` of `model-Q4_K_M-00001-of-00002.gguf`; undefined where the name says nothing. */
export function quantOf(path: string): string | undefined {
  const matches = [
    ...path
      .replace(PART, "")
      .replace(/\.gguf$/i, "")
      .matchAll(QUANT),
  ];
  return matches.at(-1)?.[1]?.toUpperCase().replace(/^FP/, "F");
}
