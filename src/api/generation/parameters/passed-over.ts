// Hints that bind nothing, by the API that they are best known from: labels, and what would change the speed or the price alone.
import type { Groups } from "./known.ts";
import { each, EMPTY, is, NEVER } from "./nothing.ts";

export const PASSED_OVER: Groups = {
  OpenAI: {
    ...each(EMPTY, "user metadata safety_identifier"),
    ...each(EMPTY, "prompt_cache_key prompt_cache_options prompt_cache_retention"),
    ...{ store: is(false), service_tier: is("auto", "default"), verbosity: is("medium"), prediction: NEVER },
    "stream_options.include_obfuscation": is(false),
  },
  "llama.cpp": {
    ...{ backend_sampling: is(false), sse_ping_interval: NEVER },
    ...each(NEVER, "speculative.n_max speculative.n_min speculative.p_min speculative.type speculative.ngram_size_n"),
    ...each(NEVER, "speculative.ngram_size_m speculative.ngram_min_hits"),
  },
  vLLM: { ...each(EMPTY, "request_id session_id guided_decoding_backend"), stream_interval: is(1) },
  SGLang: each(EMPTY, "rid custom_labels"),
  Ollama: each(
    NEVER,
    "num_batch num_gpu main_gpu num_thread use_mmap use_mlock low_vram f16_kv vocab_only draft_num_predict numa",
  ),
  "LM Studio": { draft_model: EMPTY },
  OpenRouter: each(EMPTY, "models route provider transforms trace debug cache_control"),
  LiteLLM: { drop_params: is(false), ...each(NEVER, "num_retries timeout"), ...each(EMPTY, "tags litellm_metadata") },
};
