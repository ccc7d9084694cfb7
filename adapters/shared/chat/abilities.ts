// What every engine of shared/chat can do beside plain chat, known without loading the code that does it.
import type { Capability } from "../../adapter.ts";

export const CHAT_CAPABILITIES = [
  ...(["tools", "response_format", "patterns", "grammar", "logprobs", "logit_bias", "samplers", "choices"] as const),
  "decisions",
] satisfies Capability[];
