// The models that can be downloaded by name. Imported statically, so that a single executable carries them.
import * as v from "valibot";
import deepseek_r1_distill_qwen_1_5b from "./catalog/deepseek-r1-distill-qwen-1.5b.json" with { type: "json" };
import gemma_3_1b_it from "./catalog/gemma-3-1b-it.json" with { type: "json" };
import gemma_3_4b_it from "./catalog/gemma-3-4b-it.json" with { type: "json" };
import llama_3_2_1b_instruct from "./catalog/llama-3.2-1b-instruct.json" with { type: "json" };
import llama_3_2_3b_instruct from "./catalog/llama-3.2-3b-instruct.json" with { type: "json" };
import mistral_7b_instruct_v0_3 from "./catalog/mistral-7b-instruct-v0.3.json" with { type: "json" };
import phi_4_mini_instruct from "./catalog/phi-4-mini-instruct.json" with { type: "json" };
import qwen3_0_6b from "./catalog/qwen3-0.6b.json" with { type: "json" };
import qwen3_1_7b from "./catalog/qwen3-1.7b.json" with { type: "json" };
import qwen3_4b from "./catalog/qwen3-4b.json" with { type: "json" };
import qwen3_8b from "./catalog/qwen3-8b.json" with { type: "json" };
import smollm2_1_7b_instruct from "./catalog/smollm2-1.7b-instruct.json" with { type: "json" };
import smollm2_135m_instruct from "./catalog/smollm2-135m-instruct.json" with { type: "json" };
import smollm2_360m_instruct from "./catalog/smollm2-360m-instruct.json" with { type: "json" };
import { Model } from "./manifest.ts";

/** The model that `pull` and `serve --pull` fetch by default: small enough to answer within a minute of the first start. */
export const DEFAULT_MODEL = "smollm2-135m-instruct";

const MANIFESTS = [
  deepseek_r1_distill_qwen_1_5b,
  gemma_3_1b_it,
  gemma_3_4b_it,
  llama_3_2_1b_instruct,
  llama_3_2_3b_instruct,
  mistral_7b_instruct_v0_3,
  phi_4_mini_instruct,
  qwen3_0_6b,
  qwen3_1_7b,
  qwen3_4b,
  qwen3_8b,
  smollm2_1_7b_instruct,
  smollm2_135m_instruct,
  smollm2_360m_instruct,
];

// Parsed at the first call, not at import: most commands need no manifest.
let parsed: Model[] | undefined;

/** The shipped manifests, sorted by id. Shared: do not change them. */
export function catalog(): Model[] {
  parsed ??= MANIFESTS.map((manifest) => v.parse(Model, manifest)).sort((a, b) => (a.id < b.id ? -1 : 1));
  return parsed;
}
