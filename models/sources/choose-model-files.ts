// Which files of a repository make up a model: the parts of a split file and a projector belong together.
import type { HubReference } from "../reference.ts";
import { partOf, withoutPart } from "../split-gguf.ts";
import { SourceError } from "../download-errors.ts";

/** In the order of preference: what runs well on most machines comes first. */
const PREFERRED = "Q4_K_M Q4_K_S Q4_0 Q4_1 IQ4_NL IQ4_XS Q5_K_M Q5_K_S Q6_K Q8_0 Q3_K_M Q2_K BF16 F16 F32".split(" ");
const QUANT = /(?:^|[-._/])((?:UD-)?(?:IQ|TQ|Q)\d(?:_[A-Z0-9]+)*|MXFP4(?:_MOE)?|BF16|FP?16|FP?32)(?=[-._/]|$)/gi;
/** Files that are beside a model, or change one. Some models have such a name too: they are taken where they are named. */
const BESIDE_A_MODEL = /(?:^|[-._/])(?:q?loras?|adapters?|mtp|drafter|embeddings?[-._]only|vocab)(?=[-._/]|$)/i;
const SIZE = /(?:^|[-._/])((?:\d+x)?e?\d+(?:\.\d+)?[bm])(?=[-._/]|$)/gi;
const PROJECTOR_QUANTS = ["F16", "BF16", "F32", "Q8_0"];

/**
 * The weights in the order of their parts, and the projector where there is one. Throws `SourceError` where nothing fits, or more
 * than one thing does; its sentence says what there is.
 */
export function chooseModelFiles<Entry extends { path: string }>(entries: Entry[], reference: HubReference) {
  const files = entries.filter(({ path }) => /\.gguf$/i.test(path) && !/imatrix/i.test(path));
  const isProjector = ({ path }: Entry): boolean => /mmproj/i.test(path);
  const weights = chooseGroup(groupParts(files.filter((file) => !isProjector(file))), reference);
  const { count } = partOf(weights[0]!.path);
  if (weights.length !== count)
    throw new SourceError(`Of the ${count} parts of the model only ${weights.length} are in ${reference.repo}.`);
  const projectors = files.filter(isProjector);
  return { weights, projector: chooseProjector(projectors, weights[0]!.path) };
}

/** The one for a model of this size, near it, in the type that most machines take; undefined where all are for another size. */
function chooseProjector<Entry extends { path: string }>(projectors: Entry[], weights: string): Entry | undefined {
  const size = sizeOf(weights);
  const isOtherSize = (path: string): boolean => size !== undefined && (sizeOf(path) ?? size) !== size;
  const rankOf = ({ path }: Entry): number[] => {
    const quant = PROJECTOR_QUANTS.indexOf(quantOf(path) ?? "");
    return [
      Number(sizeOf(path) !== size),
      Number(folderOf(path) !== folderOf(weights)),
      quant < 0 ? PROJECTOR_QUANTS.length : quant,
    ];
  };
  return projectors.filter(({ path }) => !isOtherSize(path)).toSorted((a, b) => compareRanks(rankOf(a), rankOf(b)))[0];
}

function compareRanks(one: number[], other: number[]): number {
  return one.map((rank, at) => rank - other[at]!).find((difference) => difference !== 0) ?? 0;
}

/** `4b` of `gemma-3-4b-it.gguf`; undefined where the name says nothing. */
function sizeOf(path: string): string | undefined {
  return [...path.matchAll(SIZE)].at(-1)?.[1]?.toLowerCase();
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
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

/** `Q4_K_M` of `model-Q4_K_M-00001-of-00002.gguf`; undefined where the name says nothing. */
export function quantOf(path: string): string | undefined {
  const name = withoutPart(path).replace(/\.gguf$/i, "");
  return [...name.matchAll(QUANT)].at(-1)?.[1]?.toUpperCase().replace(/^FP/, "F");
}
