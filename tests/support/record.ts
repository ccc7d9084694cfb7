import type { Model } from "../../models/manifest.ts";

/** The record of a model whose file is used in place. */
export function record(id: string, path: string): Model {
  return {
    ...{ id, object: "model", name: id, version: "1.0", description: "", format: "gguf", created: 0, owned_by: "" },
    ...{ settings: {}, parameters: {}, metadata: {} },
    files: [{ name: "weights.gguf", sources: [], path }],
  };
}
