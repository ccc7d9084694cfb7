import type { Model } from "../../../models/manifest.ts";

/** The record of a model of which nothing but the id is known. */
export function newModelRecord(id: string, created: number): Model {
  const words = { object: "model", name: id, version: "1.0", description: "", format: "gguf", owned_by: "" } as const;
  return { id, ...words, created, settings: {}, parameters: {}, metadata: {}, files: [] };
}
