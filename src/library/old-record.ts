// Records of models that an older release has written.
import { listedAs } from "../../models/catalog.ts";
import type { Model } from "../../models/manifest.ts";

/** Tokens of a slot that the catalogue of older releases gave each of its models. */
const OLD_CATALOG_CONTEXT = 4096;

/** Whether the record lacks what older releases did not read of a header. */
export const lacksHeaderFacts = (model: Model): boolean =>
  isOldRecord(model) || (model.files.length > 0 && model.causal === undefined);

/** What the releases did not read that gave models a context. */
const isOldRecord = ({ files, template_kwargs }: Model): boolean => files.length > 0 && template_kwargs === undefined;

/**
 * The record as this release would have written it: without the context that only the catalogue has set, so that memory decides. In a later
 * record 4,096 tokens are somebody's choice, and stay.
 */
export async function withoutOldDefaults(model: Model): Promise<Model> {
  return hasOldContext(model) && (await listedAs(model)) ? withoutOldContext(model) : model;
}

/** The same for a record of a model that is one of the catalogue. */
export function withoutOldContext(model: Model): Model {
  if (!hasOldContext(model)) return model;
  const { ctx_len: _, ...settings } = model.settings;
  return { ...model, settings };
}

const hasOldContext = (model: Model): boolean => model.settings.ctx_len === OLD_CATALOG_CONTEXT && isOldRecord(model);
