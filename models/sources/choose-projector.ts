// The projector of a model: the file that makes images readable for it, among those that lie in the same repository or folder.
import { withoutPart } from "../split-gguf.ts";
import { QUANT, quantOf } from "./quant.ts";

const SIZE = /(?:^|[-._/])((?:\d+x)?e?\d+(?:\.\d+)?[bm])(?=[-._/]|$)/gi;
const PROJECTOR_QUANTS = ["F16", "BF16", "F32", "Q8_0"];
/** Words that say of no model whose projector a file is. */
const KIND = /(?:^|[-._])(?:mmproj|model|gguf)(?=[-._]|$)/gi;

export const isProjector = (path: string): boolean => /mmproj/i.test(path);

/** The one for a model of this size and name, near it, in the type that most machines take; undefined where all are for another size. */
export function chooseProjector<Entry extends { path: string }>(projectors: Entry[], weights: string): Entry | undefined {
  const size = sizeOf(weights);
  const isOtherSize = (path: string): boolean => size !== undefined && (sizeOf(path) ?? size) !== size;
  const rankOf = ({ path }: Entry): number[] => {
    const quant = PROJECTOR_QUANTS.indexOf(quantOf(path) ?? "");
    const name = baseNameOf(path);
    return [
      Number(sizeOf(path) !== size),
      name === baseNameOf(weights) ? 0 : name === "" ? 1 : 2,
      Number(folderOf(path) !== folderOf(weights)),
      quant < 0 ? PROJECTOR_QUANTS.length : quant,
    ];
  };
  return projectors.filter(({ path }) => !isOtherSize(path)).toSorted((a, b) => compareRanks(rankOf(a), rankOf(b)))[0];
}

/** `gemma-3-4b-it` of `mmproj-gemma-3-4b-it-F16.gguf` and of `gemma-3-4b-it-Q4_K_M-00001-of-00002.gguf`; empty where a name says nothing. */
export function baseNameOf(path: string): string {
  const name = withoutPart(path.slice(folderOf(path).length)).replace(/\.gguf$/i, "");
  return name
    .replace(QUANT, "")
    .replace(KIND, "")
    .replace(/^[-._]+|[-._]+$/g, "")
    .toLowerCase();
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
