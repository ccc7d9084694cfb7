// How the weights of a model are stored, as the names of files say it.
import { withoutPart } from "../split-gguf.ts";

export const QUANT = /(?:^|[-._/])((?:UD-)?(?:IQ|TQ|Q)\d(?:_[A-Z0-9]+)*|MXFP4(?:_MOE)?|BF16|FP?16|FP?32)(?=[-._/]|$)/gi;

/** `Q4_K_M` of `model-Q4_K_M-00001-of-00002.gguf`; undefined where the name says nothing. */
export function quantOf(path: string): string | undefined {
  const name = withoutPart(path).replace(/\.gguf$/i, "");
  return [...name.matchAll(QUANT)].at(-1)?.[1]?.toUpperCase().replace(/^FP/, "F");
}
