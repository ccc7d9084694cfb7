// Every source that a file of a model can come from: the one list from which manifests, downloads and the API follow.
import * as v from "valibot";
import { huggingFace } from "./huggingface.ts";
import { pythonPackage } from "./python-package.ts";
import type { SourceDriver } from "./source.ts";
import { urlSource } from "./url.ts";

const SOURCES = [huggingFace, urlSource, pythonPackage] as const;

export const Source = sourceSchema(SOURCES);
export type Source = v.InferOutput<typeof Source>;

/** The schema of all that these drivers can fetch. */
export function sourceSchema<const Drivers extends readonly SourceDriver[]>(drivers: Drivers) {
  const schemas = drivers.map(({ schema }) => schema) as unknown as { [K in keyof Drivers]: Drivers[K]["schema"] };
  return v.variant("type", schemas);
}

/** The driver of a source that its schema has accepted. */
export function driverOf(source: { type: string }, drivers: readonly SourceDriver[] = SOURCES): SourceDriver {
  return drivers.find(({ schema }) => schema.entries.type.literal === source.type)!;
}
