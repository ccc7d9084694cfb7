// A model without files, which its adapter describes.
import type { Model } from "./manifest.ts";

/** How an adapter describes a model that it brings. */
export interface OwnModel {
  /** The `model` of requests. */
  id: string;
  /** For people; its id by default. */
  name?: string | undefined;
  description?: string | undefined;
  owned_by?: string | undefined;
  /** Tokens it was trained on. */
  context_length?: number | undefined;
}

/** The model as a record. */
export function toModelRecord({ id, name = id, description = "", owned_by = "", context_length }: OwnModel): Model {
  return {
    ...{ id, name, description, owned_by },
    ...(context_length !== undefined && { context_length }),
    ...{ object: "model", version: "1.0", format: "gguf", created: 0 },
    ...{ settings: {}, parameters: {}, metadata: {}, files: [] },
  };
}
