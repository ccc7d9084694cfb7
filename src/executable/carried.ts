// What an executable carries besides ingle's code: nothing where ingle runs from its sources. Compiling replaces this module by one of
// the same shape (tools/compile/carried-module.ts).
import type { CarriedPart, CarriedPartName } from "./unpack.ts";

export const CARRIED = undefined as { llama_cpp: string; parts: Partial<Record<CarriedPartName, CarriedPart>> } | undefined;
