// What is known of llama-server without loading the code that runs it.
import { ADAPTER_OPTIONS } from "../../models/adapter-options.ts";
import type { Model } from "../../models/manifest.ts";
import type { Capability } from "../adapter.ts";
import { CHAT_CAPABILITIES } from "../shared/chat/abilities.ts";
import type { ChatAdapterDescription } from "../shared/chat/chat-adapter.ts";
import { refuseBesideImages } from "./image-limits.ts";

export const ABOUT = {
  name: "llama-server",
  capabilities: ({ files }: Model): Capability[] => [
    ...(files.some(isProjector) ? (["images"] as const) : []),
    ...CHAT_CAPABILITIES,
  ],
  checkRequest: refuseBesideImages,
  options: ADAPTER_OPTIONS,
} satisfies ChatAdapterDescription;

const isProjector = ({ role }: Model["files"][number]): boolean => role === "projector";
