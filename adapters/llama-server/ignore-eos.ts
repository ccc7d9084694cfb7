// `ignore_eos` beside a grammar. llama-server bans the tokens that end an answer, and fails where the grammar allows nothing else. Here these tokens
// become the least likely ones instead: they come where nothing else may.
import * as v from "valibot";
import type { TokenRequest } from "../token-engine.ts";
import type { LlamaServerClient } from "./http-client.ts";

/** Logits, penalties and the bias of a request do not add up to so much. The sampler `top_n_sigma` counts it, and excludes no token then. */
const LEAST_LIKELY = -1e9;

const Settings = v.object({ "generation_settings/logit_bias": v.array(v.object({ token: v.number() })) });

export function createIgnoreEos(client: LlamaServerClient) {
  let end_tokens: readonly number[] | undefined;

  /** llama-server names these tokens among the settings of an answer. An empty prompt changes nothing of what the slot holds. */
  const fetchEndTokens = async (id_slot: number, signal: AbortSignal): Promise<number[]> => {
    const response_fields = Object.keys(Settings.entries);
    const body = { prompt: [[]], n_predict: 1, ignore_eos: true, id_slot, response_fields };
    const settings = v.parse(Settings, await client.postJson("/completion", body, signal));
    return settings["generation_settings/logit_bias"].map(({ token }) => token);
  };

  /** The request as llama-server can honour it. `id_slot`: a slot that no other request uses. Throws what the client throws. */
  return async (request: TokenRequest, id_slot: number, signal: AbortSignal): Promise<TokenRequest> => {
    const { grammar, samplers, logit_bias } = request;
    if (grammar === undefined || samplers?.ignore_eos !== true) return request;
    end_tokens ??= await fetchEndTokens(id_slot, signal);
    const least_likely = Object.fromEntries(end_tokens.map((token) => [token, LEAST_LIKELY]));
    return { ...request, samplers: { ...samplers, ignore_eos: false }, logit_bias: { ...logit_bias, ...least_likely } };
  };
}
