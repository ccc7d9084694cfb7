// What a file says of itself, for whoever has not said it better.
import type { GgufHeader } from "./header.ts";
import type { Model } from "../manifest.ts";

/** The model with the gaps of its record filled from the header of its weights. */
export function fillFromHeader(model: Model, header: GgufHeader): Model {
  const { context_length, license, quantization, architecture, chat_template = "" } = header;
  const known = {
    ...(context_length !== undefined && { context_length }),
    ...(license !== undefined && { license: plain(license) }),
    // Templates that know tools ask for them by this name; what the others are given is dropped.
    template_tools: /\btools\b/.test(chat_template),
  };
  const tags = model.metadata.tags ?? [architecture, quantization].filter((tag) => tag !== undefined).map(plain);
  const size = model.metadata.size ?? model.files.reduce((sum, { size = 0 }) => sum + size, 0);
  return { ...known, ...model, metadata: { ...model.metadata, tags, size } };
}

/** What a stranger wrote is to be harmless to a terminal. */
function plain(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 200);
}
