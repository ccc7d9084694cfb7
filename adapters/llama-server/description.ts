// What is known of llama-server without loading the code that runs it.
import type { Model } from "../../models/manifest.ts";
import type { Adapter, Capability } from "../adapter.ts";
import { CHAT_CAPABILITIES, passedOver } from "../shared/chat/abilities.ts";

export const ABOUT = {
  name: "llama-server",
  capabilities: ({ files }: Model): Capability[] => [
    ...(files.some(isProjector) ? (["images"] as const) : []),
    ...CHAT_CAPABILITIES,
  ],
  passedOver,
} satisfies Omit<Adapter, "load">;

const isProjector = ({ role }: Model["files"][number]): boolean => role === "projector";
