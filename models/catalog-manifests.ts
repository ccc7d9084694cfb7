// Every manifest of `catalog/`. Exported statically, so that a single executable carries them.
export { default as deepseek_r1_distill_qwen_1_5b } from "./catalog/deepseek-r1-distill-qwen-1.5b.json" with { type: "json" };
export { default as gemma_3_1b_it } from "./catalog/gemma-3-1b-it.json" with { type: "json" };
export { default as gemma_3_4b_it } from "./catalog/gemma-3-4b-it.json" with { type: "json" };
export { default as llama_3_2_1b_instruct } from "./catalog/llama-3.2-1b-instruct.json" with { type: "json" };
export { default as llama_3_2_3b_instruct } from "./catalog/llama-3.2-3b-instruct.json" with { type: "json" };
export { default as mistral_7b_instruct_v0_3 } from "./catalog/mistral-7b-instruct-v0.3.json" with { type: "json" };
export { default as nomic_embed_text_v1_5 } from "./catalog/nomic-embed-text-v1.5.json" with { type: "json" };
export { default as phi_4_mini_instruct } from "./catalog/phi-4-mini-instruct.json" with { type: "json" };
export { default as qwen3_0_6b } from "./catalog/qwen3-0.6b.json" with { type: "json" };
export { default as qwen3_1_7b } from "./catalog/qwen3-1.7b.json" with { type: "json" };
export { default as qwen3_4b } from "./catalog/qwen3-4b.json" with { type: "json" };
export { default as qwen3_8b } from "./catalog/qwen3-8b.json" with { type: "json" };
export { default as qwen3_embedding_0_6b } from "./catalog/qwen3-embedding-0.6b.json" with { type: "json" };
export { default as qwen3_reranker_0_6b } from "./catalog/qwen3-reranker-0.6b.json" with { type: "json" };
export { default as smollm2_1_7b_instruct } from "./catalog/smollm2-1.7b-instruct.json" with { type: "json" };
export { default as smollm2_135m_instruct } from "./catalog/smollm2-135m-instruct.json" with { type: "json" };
export { default as smollm2_360m_instruct } from "./catalog/smollm2-360m-instruct.json" with { type: "json" };
