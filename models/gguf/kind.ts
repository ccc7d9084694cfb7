// What a GGUF file is, where it is no model: https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py (`GGUFType`).
import type { GgufHeader } from "./header.ts";

const NO_MODELS: Record<string, string> = {
  adapter: "an adapter (LoRA), which changes a model",
  lora: "an adapter (LoRA), which changes a model",
  mmproj: "a projector (mmproj), which reads images or sound for a model",
  imatrix: "an importance matrix (imatrix), by which models are quantised",
};

/** The sentence that says why the file cannot change a model, this one where it is known; undefined for a LoRA that can. */
export function whyNoLora({ type = "", architecture }: GgufHeader, model?: Pick<GgufHeader, "architecture">): string | undefined {
  if (!["adapter", "lora"].includes(type.toLowerCase()))
    return "The file is no adapter (LoRA). Name one that was made for this model.";
  if (model === undefined || model.architecture === architecture) return undefined;
  return `The file is an adapter (LoRA) for models of the architecture ${JSON.stringify(architecture)}, and this one is of ${JSON.stringify(model.architecture)}.`;
}

/** The sentence that says what the file is; undefined for a model. */
export function whyNoModel({ type = "", architecture, tensor_count, split }: GgufHeader): string | undefined {
  const kind = architecture === "clip" ? "mmproj" : type.toLowerCase();
  const is_empty = tensor_count === 0 && split === undefined;
  const what = Object.hasOwn(NO_MODELS, kind) ? NO_MODELS[kind] : is_empty ? "a vocabulary without weights" : undefined;
  return what && `The file is ${what}, and no model. Name the file of a model.`;
}
