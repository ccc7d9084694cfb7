// What ingle carries with it besides its own code: nothing here. Compiling puts a module of the same shape in the place of this one
// (src/compile/carried-module.ts).
import type { CarriedPart, CarriedPartName } from "./unpack.ts";

/** Of a program that is a single file; undefined where ingle runs from its sources. */
export interface Carried {
  parts: Partial<Record<CarriedPartName, CarriedPart>>;
}

export const CARRIED = undefined as Carried | undefined;
