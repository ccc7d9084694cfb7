// The cache of Hugging Face's tools, and of llama.cpp: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { idOfName } from "../reference.ts";
import type { FindFiles, ProgramPlaces } from "./model-place.ts";
import { entriesOf } from "./walk.ts";
import { weightsBelow } from "./weights-below.ts";

export const findInHubCache: FindFiles = async function* (places) {
  const cache = cacheOf(places);
  for (const { name } of await entriesOf(cache)) {
    const [, owner, repo_name] = /^models--(.+?)--(.+)$/.exec(name) ?? [];
    if (owner === undefined) continue;
    const repo = `${owner}/${repo_name}`;
    const found = new Set<string>();
    for (const snapshot of await snapshotsOf(join(cache, name))) {
      for (const path of await weightsBelow(snapshot)) {
        const file = relative(snapshot, path).split(sep).join("/");
        if (found.has(file)) continue;
        found.add(file);
        yield { program: "Hugging Face", id: idOfName({ kind: "hub", reference: { repo, revision: "main", file } }), path };
      }
    }
  }
};

function cacheOf({ env, home }: ProgramPlaces): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = env;
  const named = HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE;
  return named || join(HF_HOME || join(XDG_CACHE_HOME || join(home, ".cache"), "huggingface"), "hub");
}

/** The snapshot of the branch `main` first: older ones may have files of the same names. */
async function snapshotsOf(folder: string): Promise<string[]> {
  const main = await readFile(join(folder, "refs", "main"), "utf8").catch(() => "");
  const commits = (await entriesOf(join(folder, "snapshots"))).map(({ name }) => name);
  const first = commits.filter((commit) => commit === main.trim());
  return [...first, ...commits.filter((commit) => !first.includes(commit))].map((commit) => join(folder, "snapshots", commit));
}
