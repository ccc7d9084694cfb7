// Records of models that an older release has written.
import { catalog } from "../../models/catalog.ts";
import type { Model } from "../../models/manifest.ts";

/** Tokens of a slot that the catalogue of older releases gave each of its models. */
const OLD_CATALOG_CONTEXT = 4096;

/** What older releases did not read of a header: a record that has it was written by this one. */
export const isOldRecord = ({ files, template_kwargs }: Model): boolean => files.length > 0 && template_kwargs === undefined;

/**
 * The record as this release would have written it: without the context that only the catalogue has set, so that memory decides. In a record of
 * this release 4,096 tokens are somebody's choice, and stay.
 */
export function withoutOldDefaults(model: Model): Model {
  const { ctx_len, ...settings } = model.settings;
  if (ctx_len !== OLD_CATALOG_CONTEXT || !isOldRecord(model)) return model;
  const is_of_catalog = catalog().some(({ id, source_url }) => id === model.id && source_url === model.source_url);
  return is_of_catalog ? { ...model, settings } : model;
}
