// Ollama's models: a manifest for each name, and files under their sha256: https://github.com/ollama/ollama/blob/main/docs/faq.mdx.
import { join, relative, sep } from "node:path";
import * as v from "valibot";
import { type FindFiles, readNote, type ProgramPlaces } from "./model-place.ts";
import { filesBelow } from "./walk.ts";

const Manifest = v.object({
  layers: v.array(v.object({ mediaType: v.string(), digest: v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/)) })),
});

const IMAGE = "application/vnd.ollama.image";
const WITH_ADAPTER = "Ollama lays changes (LoRA) over it, which are in another file.";

export const findInOllama: FindFiles = async function* (places) {
  for (const folder of foldersOf(places)) {
    const manifests = join(folder, "manifests");
    // A model has several names, of which `latest` says the least.
    const paths = (await filesBelow(manifests)).toSorted((a, b) => Number(isLatest(a)) - Number(isLatest(b)));
    for (const path of paths) {
      const manifest = v.safeParse(Manifest, await readNote(path));
      if (!manifest.success) continue;
      const has = (kind: string) => manifest.output.layers.find(({ mediaType }) => mediaType === `${IMAGE}.${kind}`);
      const weights = has("model");
      // One that runs in Ollama's cloud has no weights here.
      if (weights === undefined) continue;
      yield {
        ...{ program: "Ollama", id: nameOf(relative(manifests, path).split(sep)) },
        path: join(folder, "blobs", weights.digest.replace(":", "-")),
        ...(has("adapter") && { problem: WITH_ADAPTER }),
      };
    }
  }
};

const isLatest = (path: string): boolean => path.endsWith(`${sep}latest`);

/** `llama3.2:3b` of `registry.ollama.ai/library/llama3.2/3b`, and `owner/repo:Q8_0` of `hf.co/owner/repo/Q8_0`. */
function nameOf([_host, ...words]: string[]): string {
  const tag = words.pop();
  const names = words[0] === "library" ? words.slice(1) : words;
  return `${names.join("/")}:${tag}`;
}

/** A service of Linux has a home of its own. */
function foldersOf({ env, home, platform }: ProgramPlaces): string[] {
  const own = env.OLLAMA_MODELS || join(home, ".ollama", "models");
  return platform === "linux" ? [own, "/usr/share/ollama/.ollama/models"] : [own];
}
