// What is known of the embedded engine without loading it: the server runs it in a child and need not read its code.
import type { Adapter } from "../adapter.ts";
import { checkSamplers } from "./sampler-settings.ts";

export const ABOUT = {
  name: "node-llama-cpp",
  capabilities: () => [],
  passedOver(request) {
    checkSamplers(request);
    return [];
  },
} satisfies Omit<Adapter, "load">;
