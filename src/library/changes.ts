// Changes of a model's files that are going on: one at a time for each model.
import { busyModel } from "./errors.ts";

export type Change = "downloaded" | "removed";

export interface Changes {
  of(id: string): Change | undefined;
  /** Throws `ApiError` 409 `model_not_ready` beside another one. */
  begin(id: string, change: Change): void;
  end(id: string): void;
}

export function createChanges(): Changes {
  const changing = new Map<string, Change>();
  return {
    of: (id) => changing.get(id),
    begin(id, change) {
      const other = changing.get(id);
      if (other !== undefined) throw busyModel(id, other);
      changing.set(id, change);
    },
    end: (id) => void changing.delete(id),
  };
}
