import type { ObjectAlternative } from "./alternatives.ts";

/** Whether no schema says what properties may be that it does not name. */
export const isSilent = ({ layers }: ObjectAlternative): boolean =>
  layers.every(({ patterns, additional }) => patterns.length === 0 && additional === undefined);
