// Repositories of Hugging Face, or of a mirror of it, that have GGUF files and the words that somebody looks for.
import * as v from "valibot";
import { requestInTime } from "../download/http-request.ts";
import { readText } from "../download/read-text.ts";
import { SourceError } from "../download-errors.ts";
import { HubReference } from "../reference.ts";
import { endpointOf } from "./huggingface.ts";
import type { DownloadOptions } from "./source.ts";

/** A repository, as the hub lists it. */
export interface FoundRepo {
  /** `owner/name`. */
  repo: string;
  /** In the last 30 days. */
  downloads: number;
  likes: number;
  /** As the hub names it, such as `apache-2.0`; absent where it names none. */
  license?: string;
}

const HubModel = v.object({
  id: v.string(),
  downloads: v.optional(v.number(), 0),
  likes: v.optional(v.number(), 0),
  tags: v.optional(v.array(v.string()), []),
});

/** Characters. */
const LARGEST_ANSWER = 4 * 2 ** 20;

/** The most downloaded first, at most `most`. Throws `SourceError`, and the signal's reason. */
export async function searchHub(
  words: string,
  most: number,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<FoundRepo[]> {
  const url = new URL(`${endpointOf(options)}/api/models`);
  const query = { search: words, filter: "gguf", sort: "downloads", direction: "-1", limit: String(most) };
  url.search = new URLSearchParams(query).toString();
  const response = await requestInTime(url, { accept: "application/json" }, options, signal);
  try {
    if (response.status !== 200) throw new SourceError(`${url.host} answered ${response.status} to the search.`);
    const text = await readText(response, LARGEST_ANSWER);
    const found = v.safeParse(v.pipe(v.string(), v.parseJson(), v.array(HubModel)), text);
    if (!found.success) throw new SourceError(`${url.host} did not answer with a list of models. Is it a mirror of the hub?`);
    // What is printed to be typed again is a name of a repository, and nothing else.
    return found.output.filter(({ id }) => v.is(HubReference.entries.repo, id)).map(toRepo);
  } finally {
    response.close();
  }
}

function toRepo({ id, downloads, likes, tags }: v.InferOutput<typeof HubModel>): FoundRepo {
  const license = tags.find((tag) => /^license:[\w.-]+$/.test(tag))?.slice("license:".length);
  return { repo: id, downloads, likes, ...(license !== undefined && { license }) };
}
