// The models that other programs have on this machine, each once. Nothing is changed, and nothing but headers is read of the weights.
import { realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import { readGgufFile } from "../gguf/header.ts";
import { whyUnusable } from "../gguf/usable.ts";
import { allParts, missingParts } from "../split-gguf.ts";
import { findInHubCache } from "./huggingface-cache.ts";
import { findInJan } from "./jan.ts";
import { findInLmStudio } from "./lm-studio.ts";
import type { FindFiles, FoundFile, ProgramPlaces } from "./model-place.ts";
import { findInOllama } from "./ollama.ts";

const FINDERS: readonly FindFiles[] = [findInHubCache, findInOllama, findInLmStudio, findInJan];

export interface AdoptableModel extends FoundFile {
  /** Where the file itself lies. */
  real_path: string;
  /** Bytes of all its parts. */
  size: number;
  /** As a header names it; absent where that cannot be read. */
  quantization?: string;
}

/** In the order of the programs. A file that several have, by links, is that of the first. */
export async function findModels(places: ProgramPlaces): Promise<AdoptableModel[]> {
  const found = new Map<string, AdoptableModel>();
  for (const find of FINDERS) {
    for await (const file of find(places)) {
      const real_path = await realpath(file.path).catch(() => undefined);
      // A download that was interrupted leaves a name without a file.
      if (real_path === undefined || found.has(real_path)) continue;
      found.set(real_path, { ...file, real_path, ...(await readFacts(file)) });
    }
  }
  return [...found.values()];
}

async function readFacts({ path, problem }: FoundFile): Promise<Pick<AdoptableModel, "size" | "quantization" | "problem">> {
  const parts = allParts(path);
  const sizes = await Promise.all(
    parts.map((part) =>
      stat(part).then(
        (stats) => stats.size,
        () => undefined,
      ),
    ),
  );
  const size = sizes.reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const missing = parts.filter((_, index) => sizes[index] === undefined);
  if (missing.length > 0) return { size, problem: missingParts(missing) };
  try {
    const header = await readGgufFile(path);
    const fault =
      problem ??
      whyUnusable(
        header,
        parts.map((part) => basename(part)),
      );
    return { size, quantization: header.quantization, ...(fault !== undefined && { problem: fault }) };
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === "EACCES";
    return { size, problem: denied ? "This user may not read it." : (error as Error).message };
  }
}
