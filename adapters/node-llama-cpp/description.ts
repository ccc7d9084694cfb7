// What is known of the embedded engine without loading it: the server runs it in a child and need not read its code.
import type { Adapter, Capability } from "../adapter.ts";
import { checkSamplers } from "./sampler-settings.ts";

const CAPABILITIES_OF_ENGINE = [
  ...(["tools", "response_format", "patterns", "grammar", "logprobs", "logit_bias", "samplers", "choices"] as const),
] satisfies Capability[];

export const ABOUT = {
  name: "node-llama-cpp",
  capabilities: () => CAPABILITIES_OF_ENGINE,
  async passedOver(request) {
    checkSamplers(request);
    if (request.response_format === undefined && request.tools === undefined) return [];
    const { unenforcedKeywords } = await import("../shared/chat/unenforced.ts");
    return unenforcedKeywords(request);
  },
} satisfies Omit<Adapter, "load">;
