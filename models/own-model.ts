// A model of an adapter that needs no files: it is what its adapter says it is.
import type { Model } from "./manifest.ts";

/** What a model of an adapter of its own has to say of itself. */
export interface OwnModel {
  /** What requests call it. */
  id: string;
  /** For people; its id unless told. */
  name?: string | undefined;
  description?: string | undefined;
  owned_by?: string | undefined;
  /** Tokens it was trained on. */
  context_length?: number | undefined;
}

/** As the API shows it. */
export function toModelRecord({ id, name = id, description = "", owned_by = "", context_length }: OwnModel): Model {
  return {
    ...{ id, name, description, owned_by },
    ...(context_length !== undefined && { context_length }),
    ...{ object: "model", version: "1.0", format: "gguf", created: 0 },
    ...{ settings: {}, parameters: {}, metadata: {}, files: [] },
  };
}
