// The fields of the document's `Model` that say how a model is used and what it is: what holds for it here, set or not.
import { listedAs } from "../../../models/catalog.ts";
import type { GgufHeader } from "../../../models/gguf/header.ts";
import { promptForm } from "../../../models/gguf/prompt-form.ts";
import type { Model } from "../../../models/manifest.ts";
import { totalBytes } from "../../../models/model-files.ts";
import { CHAT_DEFAULTS } from "../generation/defaults.ts";
import { PLAIN_PICTURE } from "../plain-picture.ts";

/**
 * `context`: tokens that a slot of it holds, or would hold. `header`: of its file, where that was read. Absent is what nobody knows before
 * its first load.
 */
export async function documentSettings(model: Model, context: number | undefined, header?: GgufHeader) {
  const { ctx_len = context } = model.settings;
  const prompt_template = model.settings.prompt_template ?? model.template_prompt ?? (await readPrompt(model, header));
  return { ...(ctx_len !== undefined && { ctx_len }), ...(prompt_template !== undefined && { prompt_template }) };
}

/** For a record that does not say it, as one of an older release, or an imported one before its first load. */
async function readPrompt(model: Model, header: GgufHeader | undefined): Promise<string | undefined> {
  const { upstream, files } = model;
  if (upstream !== undefined || files.length === 0) return undefined;
  if (header !== undefined) return promptForm(header.chat_template ?? "");
  return (await listedAs(model))?.template_prompt;
}

/** What a request gets that says nothing; null is what another server decides. Only the server's setting says whether it streams. */
export function documentParameters({ parameters, upstream }: Model, stream: boolean) {
  const decided_there = upstream === undefined ? {} : { temperature: null, top_p: null, max_tokens: null };
  return { ...CHAT_DEFAULTS, ...decided_there, ...parameters, stream };
}

/** Nothing else may be in it: `token_bytes` serves only the estimate of a model that is not here. */
export function documentMetadata({ metadata, files, owned_by }: Model) {
  const { cover = "" } = metadata;
  return {
    author: metadata.author ?? owned_by,
    tags: metadata.tags ?? [],
    size: metadata.size ?? totalBytes(files),
    // Records of old data folders may have the name of a file, which is nowhere.
    cover: URL.canParse(cover) ? cover : PLAIN_PICTURE,
  };
}
