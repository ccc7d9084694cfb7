// Whether a model can be made of files, by the header of the first one.
import { allParts } from "../split-gguf.ts";
import type { GgufHeader } from "./header.ts";
import { whyNoModel } from "./kind.ts";

/** The sentence that says why none can be made of files with these names; undefined where one can. */
export function whyUnusable(header: GgufHeader, names: string[]): string | undefined {
  return whyNoModel(header) ?? whyNotWhole(header, names);
}

/** llama.cpp finds the parts of a model by their names. */
function whyNotWhole({ split }: GgufHeader, names: string[]): string | undefined {
  const [first = ""] = names;
  if (split === undefined) return undefined;
  const { no, count } = split;
  if (no > 0) return `The file is part ${no + 1} of ${count} of a model. Name the first part.`;
  if (count === names.length) return undefined;
  const parts = allParts(first.replace(/(?:-\d{5}-of-\d{5})?\.gguf$/i, `-00001-of-${String(count).padStart(5, "0")}.gguf`));
  return `The file is the first of ${count} parts of a model, and there ${names.length === 1 ? "is" : "are"} ${names.length}. The parts are found by their names: ${parts[0]} to ${parts.at(-1)}.`;
}
