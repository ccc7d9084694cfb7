// What every engine of shared/chat can do beside plain chat, known without loading the code that does it.
import type { Capability, ChatRequest } from "../../adapter.ts";

export const CHAT_CAPABILITIES = [
  ...(["tools", "response_format", "patterns", "grammar", "logprobs", "logit_bias", "samplers", "choices"] as const),
] satisfies Capability[];

/** As `Adapter.passedOver`. */
export async function passedOver(request: ChatRequest): Promise<readonly string[]> {
  if (request.response_format === undefined && request.tools === undefined) return [];
  const { unenforcedKeywords } = await import("./unenforced.ts");
  return unenforcedKeywords(request);
}
