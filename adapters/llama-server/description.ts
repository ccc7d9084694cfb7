// What is known of llama-server without loading the code that runs it.
import type { Model } from "../../models/manifest.ts";
import type { Adapter, Capability } from "../adapter.ts";

const ALWAYS = [
  ...(["tools", "response_format", "patterns", "grammar", "logprobs", "logit_bias", "samplers", "choices"] as const),
] satisfies Capability[];

export const ABOUT = {
  name: "llama-server",
  capabilities: ({ files }: Model): Capability[] => [...(files.some(isProjector) ? (["images"] as const) : []), ...ALWAYS],
  async passedOver(request) {
    if (request.response_format === undefined && request.tools === undefined) return [];
    const { unenforcedKeywords } = await import("../shared/chat/unenforced.ts");
    return unenforcedKeywords(request);
  },
} satisfies Omit<Adapter, "load">;

const isProjector = ({ role }: Model["files"][number]): boolean => role === "projector";
