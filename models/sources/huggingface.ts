// Files in repositories of Hugging Face, or of a mirror of it.
import * as v from "valibot";
import { type DownloadOptions, HUGGING_FACE } from "./source.ts";
import { webSource } from "./web-source.ts";

const HubSource = v.object({
  type: v.literal("huggingface"),
  repo: v.string(),
  file: v.string(),
  revision: v.optional(v.string(), "main"),
});
export type HubSource = v.InferOutput<typeof HubSource>;

export const huggingFace = webSource({
  schema: HubSource,
  describe: ({ repo }) => describeRepo(repo),
  locate: ({ repo, revision, file }) => ({ url: `${HUGGING_FACE}/${repo}/resolve/${revision}/${file}` }),
  addressOf({ repo, revision, file }, options) {
    const path = [...repo.split("/"), "resolve", revision, ...file.split("/")];
    return `${endpointOf(options)}/${path.map(encodeURIComponent).join("/")}`;
  },
  denialHint: ({ repo }, { hf_token }) =>
    hf_token
      ? `The token in HF_TOKEN may not read ${repo}; accept the model's terms on its page.`
      : `Set HF_TOKEN to a token that may read ${repo}.`,
});

export function describeRepo(repo: string): string {
  return `Hugging Face (${repo})`;
}

/** The address of the hub, or of the mirror that the settings name. */
export function endpointOf({ hf_endpoint = HUGGING_FACE }: DownloadOptions): string {
  return hf_endpoint.replace(/\/+$/, "");
}
