// What is known of the embedded engine without loading it: the server runs it in a child and need not read its code.
import type { Adapter } from "../adapter.ts";
import { CHAT_CAPABILITIES, passedOver } from "../shared/chat/abilities.ts";
import { checkSamplers } from "./sampler-settings.ts";

export const ABOUT = {
  name: "node-llama-cpp",
  capabilities: () => CHAT_CAPABILITIES,
  async passedOver(request) {
    checkSamplers(request);
    return passedOver(request);
  },
} satisfies Omit<Adapter, "load">;
