// What an executable carries besides ingle's code: nothing here. Compiling replaces this module by one of the same shape
// (tools/compile/carried-module.ts).
import type { CarriedPart, CarriedPartName } from "./unpack.ts";

/** What a single executable carries; `CARRIED` is undefined where ingle runs from its sources. */
export interface Carried {
  parts: Partial<Record<CarriedPartName, CarriedPart>>;
}

export const CARRIED = undefined as Carried | undefined;
