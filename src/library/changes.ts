// Changes of a model's files that are going on: one at a time for each model.
import { busyModel } from "./errors.ts";

export type Change = "downloaded" | "removed";

export type Changes = ReturnType<typeof createChanges>;

export function createChanges() {
  const changing = new Map<string, Change>();
  return {
    of: (id: string): Change | undefined => changing.get(id),
    /** Throws `ApiError` 409 `model_not_ready` beside another one. */
    begin(id: string, change: Change): void {
      const other = changing.get(id);
      if (other !== undefined) throw busyModel(id, other);
      changing.set(id, change);
    },
    end: (id: string): void => void changing.delete(id),
  };
}
