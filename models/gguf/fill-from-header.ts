import type { GgufHeader } from "./header.ts";
import type { Model } from "../manifest.ts";
import { totalBytes } from "../model-files.ts";
import { taskFacts } from "./task-facts.ts";
import { templateFacts } from "./template-facts.ts";

/** The model with the gaps of its record filled from the header of its weights. */
export function fillFromHeader(model: Model, header: GgufHeader): Model {
  const { context_length, license, quantization, weight_type, architecture, chat_template = "", author } = header;
  const { template_prompt, ...facts } = templateFacts(chat_template);
  const known = {
    ...(context_length !== undefined && { context_length }),
    ...(license !== undefined && { license: plain(license) }),
    ...(weight_type !== undefined && { weight_type }),
    ...facts,
    ...taskFacts(header),
  };
  // The catalogue says what the template of its model was; the file says what it is.
  const form = template_prompt !== undefined && { template_prompt };
  const by = author !== undefined && { author: plain(author) };
  const tags = model.metadata.tags ?? [architecture, quantization].filter((tag) => tag !== undefined).map(plain);
  const size = model.metadata.size ?? totalBytes(model.files);
  return { ...known, ...model, ...form, metadata: { ...by, ...model.metadata, tags, size } };
}

/** Texts of a file may hold escape sequences of terminals. */
function plain(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 200);
}
