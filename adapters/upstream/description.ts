// What is known of other servers without loading the code that speaks to them.
import type { Adapter, Capability } from "../adapter.ts";

/** All that `requestBody` sends. A server refuses what it cannot do by itself, and the client gets that refusal. */
const SENT = [
  "images",
  "tools",
  "response_format",
  "grammar",
  "logprobs",
  "logit_bias",
  "samplers",
  "choices",
] as const satisfies Capability[];

export const ABOUT: Pick<Adapter, "name" | "capabilities"> = { name: "upstream", capabilities: () => SENT };
