// Which files of a repository make up a model: the parts of a split file and a projector belong together.
import type { HubReference } from "../reference.ts";
import { allParts, missingParts, partOf, withoutPart } from "../split-gguf.ts";
import { SourceError } from "../download-errors.ts";
import { chooseProjector, isProjector } from "./choose-projector.ts";
import { quantOf } from "./quant.ts";

/** In the order of preference: what runs well on most machines comes first. */
const PREFERRED = "Q4_K_M Q4_K_S Q4_0 Q4_1 IQ4_NL IQ4_XS Q5_K_M Q5_K_S Q6_K Q8_0 Q3_K_M Q2_K BF16 F16 F32".split(" ");
/** Files that are beside a model, or change one. Some models have such a name too: they are taken where they are named. */
const BESIDE_A_MODEL = /(?:^|[-._/])(?:q?loras?|adapters?|mtp|drafter|embeddings?[-._]only|vocab)(?=[-._/]|$)/i;
const IMATRIX = /imatrix/i;

/** Whether the name is one of files that are no models by themselves. */
export const isBesideModel = (path: string): boolean => BESIDE_A_MODEL.test(path) || IMATRIX.test(path);

/**
 * The weights in the order of their parts, and the projector where there is one. Throws `SourceError` where nothing fits, or more
 * than one thing does; its sentence says what there is.
 */
export function chooseModelFiles<Entry extends { path: string }>(entries: Entry[], reference: HubReference) {
  const files = entries.filter(({ path }) => /\.gguf$/i.test(path) && !IMATRIX.test(path));
  const group = chooseGroup(groupParts(files.filter(({ path }) => !isProjector(path))), reference);
  const parts = allParts(group[0]!.path);
  const weights = group.filter(({ path }) => parts.includes(path));
  const missing = parts.filter((part) => !weights.some(({ path }) => path === part));
  if (missing.length > 0) {
    const there = `Of the ${parts.length} parts of the model only ${weights.length} are in ${reference.repo}.`;
    throw new SourceError(`${there} ${missingParts(missing)}`);
  }
  const projectors = files.filter(({ path }) => isProjector(path));
  return { weights, projector: chooseProjector(projectors, weights[0]!.path) };
}

/** Files that belong together, their parts in order. */
function groupParts<Entry extends { path: string }>(files: Entry[]): Entry[][] {
  const groups = Object.groupBy(files, ({ path }) => `${withoutPart(path)} ${partOf(path).count}`);
  return Object.values(groups).map((group) => group!.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
}

function chooseGroup<Entry extends { path: string }>(all: Entry[][], { repo, quant, file }: HubReference): Entry[] {
  const list = (some: Entry[][]): string => Array.from(some.slice(0, 20), ([first]) => first!.path).join(", ");
  if (all.length === 0)
    throw new SourceError(`There is no GGUF file in ${repo}. Look for a repository whose name ends with "-GGUF".`);
  if (file !== undefined) {
    const group = all.find((group) => group.some(({ path }) => path === file));
    if (group === undefined) throw new SourceError(`There is no ${file} in ${repo}. It has: ${list(all)}.`);
    return group;
  }
  const groups = all.filter(([first]) => !BESIDE_A_MODEL.test(first!.path));
  if (groups.length === 0)
    throw new SourceError(`No file of ${repo} is named like a model: ${list(all)}. Name one: hf:${repo}/${all[0]![0]!.path}`);
  const quants = quant === undefined ? PREFERRED : [quant];
  const fitting = quants
    .map((name) => groups.filter(([first]) => quantOf(first!.path) === name.toUpperCase()))
    .find((some) => some.length > 0);
  const some = fitting ?? (quant === undefined ? groups : []);
  if (some.length === 1) return some[0]!;
  const present = [...new Set(groups.map(([first]) => quantOf(first!.path) ?? "unnamed"))].join(", ");
  if (some.length === 0) throw new SourceError(`There is no ${quant} in ${repo}. It has: ${present}.`);
  throw new SourceError(`More than one file of ${repo} fits: ${list(some)}. Name one: hf:${repo}/${some[0]![0]!.path}`);
}
