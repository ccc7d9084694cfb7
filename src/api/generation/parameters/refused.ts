// Parameters that no engine here honours for any generated text, by the API that they are best known from, each with its values that ask for nothing.
import type { Groups } from "./known.ts";
import { each, either, EMPTY, is, NEVER, type Nothing, whileOff, WITHOUT_PENALTY } from "./nothing.ts";

const TEXT_ALONE: Nothing = {
  says: '`["text"]`',
  includes: (value) => Array.isArray(value) && value.every((mode) => mode === "text"),
};

export const REFUSED: Groups = {
  OpenAI: {
    modalities: TEXT_ALONE,
    ...each(NEVER, "audio web_search_options moderation"),
    // Fields of its other endpoints.
    ...each(EMPTY, "input instructions previous_response_id conversation max_output_tokens include text max_tool_calls"),
    ...{ background: is(false), truncation: is("disabled") },
  },
  "llama.cpp": {
    ...each(is(0), "n_probs n_keep n_discard n_indent n_cache_reuse"),
    ...each(is(-1), "id_slot slot_id adaptive_target"),
    ...each(EMPTY, "image_data multimodal_data penalty_prompt"),
    ...each(is(-1, 0), "t_max_prompt_ms t_max_predict_ms"),
    ...each(EMPTY, "reasoning_budget_message reasoning_budget_start_tag reasoning_budget_end_tag"),
    ...each(EMPTY, "reasoning_budget_end_tags"),
    ...each(EMPTY, "lora grammar_type grammar_triggers preserved_tokens generation_prompt chat_parser"),
    ...each(EMPTY, "response_fields message_delimiters input_prefix input_suffix input_extra"),
    ...each(is(false), "grammar_lazy reasoning_control thinking_forced_open post_sampling_probs"),
    ...each(is(false), "return_progress return_tokens timings_per_token verbose"),
    parse_tool_calls: is(true),
    chat_format: NEVER,
    chat_template: is(""),
    reasoning_format: is("auto", "deepseek"),
    adaptive_decay: whileOff("adaptive_target"),
    tfs_z: is(1),
    penalize_nl: either(is(true), WITHOUT_PENALTY),
  },
  vLLM: {
    ...each(EMPTY, "guided_grammar guided_whitespace_pattern structural_tag"),
    ...each(EMPTY, "stop_token_ids bad_words allowed_token_ids logprob_token_ids logits_processors documents"),
    ...each(EMPTY, "mm_processor_kwargs media_io_kwargs kv_transfer_params ec_transfer_params vllm_xargs cache_salt"),
    ...each(is(0), "min_tokens priority routed_experts_prompt_start"),
    ...each(is(false), "use_beam_search early_stopping include_stop_str_in_output add_special_tokens watermarking"),
    ...each(is(false), "return_tokens_as_token_ids return_token_ids return_prompt_text return_token_offsets"),
    skip_special_tokens: is(true),
    length_penalty: is(1),
    ...each(is(true, false), "spaces_between_special_tokens return_mm_kwargs"),
    truncation_side: is("left", "right"),
    ...each(NEVER, "truncate_prompt_tokens prompt_logprobs repetition_detection"),
    prompt_embeds: EMPTY,
    "stream_options.continuous_usage_stats": is(false),
  },
  SGLang: {
    ...each(EMPTY, "ebnf stop_regex lora_path session_params custom_logit_processor custom_params"),
    ...each(EMPTY, "input_ids extra_key"),
    ...each(is(false), "no_stop_trim return_hidden_states return_routed_experts return_cached_tokens_details"),
    ...each(is(false), "return_prompt_token_ids return_meta_info return_sampling_mask use_audio_in_video"),
    ...each(is(true), "separate_reasoning stream_reasoning"),
    routed_experts_start_len: is(0),
    ...{ return_logprob: is(false), top_logprobs_num: is(0) },
    ...each(NEVER, "task max_dynamic_patch min_dynamic_patch bootstrap_host bootstrap_port bootstrap_room"),
    ...each(NEVER, "routed_dp_rank disagg_prefill_dp_rank data_parallel_rank"),
  },
  Ollama: {
    ...each(EMPTY, "options system template images context"),
    ...each(is(false), "raw truncate shift _debug_render_only embedding_only logits_all"),
    ...each(NEVER, "num_gqa rope_frequency_base rope_frequency_scale"),
    num_keep: is(0),
    penalize_newline: either(is(true), WITHOUT_PENALTY),
    ...each(NEVER, "num_ctx dimensions"),
  },
  "LM Studio": { ...each(EMPTY, "system_prompt integrations"), context_length: NEVER },
  OpenRouter: { top_a: is(0), ...each(EMPTY, "plugins preset image_config") },
  LiteLLM: each(EMPTY, "extra_body extra_headers extra_query mock_response"),
  Mistral: { safe_prompt: is(false), prompt_mode: NEVER },
  Qwen: { enable_search: is(false), search_options: EMPTY },
  "Hugging Face": {
    do_sample: is(true),
    ...each(is(1), "num_beams guidance_scale"),
    no_repeat_ngram_size: is(0),
    ...each(EMPTY, "negative_prompt tool_prompt"),
  },
};
