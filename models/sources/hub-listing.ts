// Which files of a repository of Hugging Face, or of a mirror of it, a model consists of.
import * as v from "valibot";
import type { DialResponse, LocatedResponse } from "../download/dial.ts";
import { requestInTime } from "../download/http-request.ts";
import { withTimeout } from "../download/idle-timeout.ts";
import type { ExpectedFile } from "../download/partial-file.ts";
import { readText } from "../download/read-text.ts";
import { retryAfter } from "../download/retry-after.ts";
import { SourceError } from "../download-errors.ts";
import { safeFileName, type HubReference } from "../reference.ts";
import { chooseModelFiles } from "./choose-model-files.ts";
import { endpointOf, type HubSource } from "./huggingface.ts";
import { type DownloadOptions, LISTING_MS } from "./source.ts";

/** A file of a repository, as a manifest has it. */
export interface RepoFile extends ExpectedFile {
  sources: HubSource[];
  role?: "projector";
}

/** An entry of the hub's `tree`. For a large file `oid` of `lfs` is the sha256 of its bytes. */
const HubEntry = v.object({
  type: v.string(),
  path: v.string(),
  size: v.optional(v.number(), 0),
  lfs: v.optional(v.object({ oid: v.string(), size: v.number() })),
});
export type HubEntry = v.InferOutput<typeof HubEntry>;

/** Characters. */
const LARGEST_LISTING = 16 * 2 ** 20;
const MOST_PAGES = 1000;
const MANY_FILES = "lists more files than any repository has.";

/** The files of a model, as the hub lists them. Throws `SourceError`, and the signal's reason. */
export async function listFiles(reference: HubReference, options: DownloadOptions, signal: AbortSignal): Promise<RepoFile[]> {
  const { repo, revision } = reference;
  const path = [...repo.split("/"), "tree", revision].map(encodeURIComponent).join("/");
  const url = new URL(`${endpointOf(options)}/api/models/${path}?recursive=true`);
  const { listing_ms = LISTING_MS } = options;
  const stop = new AbortController();
  try {
    const listing = readPages(url, reference, options, AbortSignal.any([signal, stop.signal]));
    return chooseFiles(await withTimeout(listing_ms, listing, () => lateError(url, listing_ms)), reference);
  } finally {
    stop.abort();
  }
}

/** All pages of a listing. A page names the next one in its `Link` (RFC 8288), as GitHub's and the hub's do. */
async function readPages(first: URL, reference: HubReference, options: DownloadOptions, signal: AbortSignal) {
  const entries: HubEntry[] = [];
  let left = LARGEST_LISTING;
  let url: URL | undefined = first;
  for (let pages = 0; url !== undefined; pages++) {
    if (pages === MOST_PAGES) throw listError(first, MANY_FILES);
    const response = await requestInTime(url, { accept: "application/json" }, options, signal);
    try {
      if (response.status !== 200) throw listingError(reference, response.status, options, retryAfter(response.headers));
      const page = await readListing(response, url, left);
      left -= page.length;
      entries.push(...page.entries);
      url = nextPage(response);
    } finally {
      response.close();
    }
  }
  return entries;
}

/** Another host was named by nobody, so its pages are not asked for: they would decide which files are fetched. */
function nextPage({ headers, url }: LocatedResponse): URL | undefined {
  const next = /<([^>]*)>\s*(?:;[^,]*?)?;\s*rel="?next"?\s*(?:[;,]|$)/i.exec(headers.get("link") ?? "")?.[1];
  if (next === undefined) return undefined;
  const target = URL.canParse(next, url) ? new URL(next, url) : undefined;
  if (target?.origin === url.origin) return target;
  throw listError(url, "names a next page of its list of files on another host, which is not asked.");
}

/** Throws as `chooseModelFiles` does. */
export function chooseFiles(entries: HubEntry[], reference: HubReference): RepoFile[] {
  const { weights, projector } = chooseModelFiles(
    entries.filter(({ type }) => type === "file"),
    reference,
  );
  const file = ({ path, size, lfs }: HubEntry): RepoFile => ({
    name: safeFileName(path),
    size: lfs?.size ?? size,
    ...(lfs && /^[0-9a-f]{64}$/.test(lfs.oid) && { sha256: lfs.oid }),
    sources: [{ type: "huggingface", repo: reference.repo, file: path, revision: reference.revision }],
  });
  const files = weights.map(file);
  return projector === undefined ? files : [...files, { ...besides(files, file(projector)), role: "projector" }];
}

/** The file under a name that none of the others has: in the repository they may be in folders of their own. */
function besides(others: RepoFile[], file: RepoFile): RepoFile {
  const is_taken = others.some(({ name }) => name.toLowerCase() === file.name.toLowerCase());
  return is_taken ? { ...file, name: `mmproj-${file.name}` } : file;
}

/** `length`: characters of the page, of which there may be `most`. */
async function readListing(response: DialResponse, url: URL, most: number): Promise<{ entries: HubEntry[]; length: number }> {
  const text = await readText(response, most);
  if (text === undefined) throw listError(url, MANY_FILES);
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), v.array(HubEntry)), text);
  if (result.success) return { entries: result.output, length: text.length };
  throw listError(url, "did not answer with a list of files. Is it a mirror of the hub?");
}

/** Which mirror it is stands in this server's settings. */
function listError({ host }: URL, what: string): SourceError {
  return new SourceError(`${host} ${what}`, { public_message: `The hub ${what}` });
}

function lateError({ host }: URL, ms: number): SourceError {
  const what = `did not send its list of files within ${ms / 1000} seconds.`;
  return new SourceError(`${host} ${what}`, { public_message: `The hub ${what}`, retry_ms: 0 });
}

function listingError(
  { repo, revision }: HubReference,
  status: number,
  { hf_token }: DownloadOptions,
  after_ms: number,
): SourceError {
  if (status === 401 || status === 403) {
    const token = hf_token ? "The token in HF_TOKEN may not read it" : "It may need a token in HF_TOKEN";
    const reason = "there is no such repository, or it is not open to all";
    return new SourceError(`The hub answered ${status} for ${repo}: ${reason}. ${token}.`);
  }
  if (status === 404) return new SourceError(`There is no repository ${repo} with the revision "${revision}" on the hub.`);
  const retry_ms = status >= 500 || status === 408 || status === 429 ? after_ms : undefined;
  return new SourceError(`The hub answered ${status} for the list of the files of ${repo}.`, { retry_ms });
}
