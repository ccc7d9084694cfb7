// What is known of the embedded engine without loading it: the server runs it in a child and need not read its code.
import { ADAPTER_OPTIONS } from "../../models/adapter-options.ts";
import type { Capability } from "../adapter.ts";
import { CHAT_CAPABILITIES } from "../shared/chat/abilities.ts";
import type { ChatAdapterDescription } from "../shared/chat/chat-adapter.ts";
import { checkSamplers } from "./sampler-settings.ts";

export const ABOUT = {
  name: "node-llama-cpp",
  capabilities: (): Capability[] => [...CHAT_CAPABILITIES, "prompt_logprobs"],
  checkRequest: checkSamplers,
  options: ADAPTER_OPTIONS,
} satisfies ChatAdapterDescription;
