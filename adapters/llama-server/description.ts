// What is known of llama-server without loading the code that runs it.
import type { Model } from "../../models/manifest.ts";
import type { Adapter, Capability } from "../adapter.ts";

export const ABOUT: Pick<Adapter, "name" | "capabilities"> = { name: "llama-server", capabilities };

/** Listed one by one: a capability that comes later is none of llama-server's until `requestBody` sends its field. */
const ALWAYS = ["response_format", "grammar", "logprobs", "logit_bias", "samplers"] as const satisfies Capability[];

function capabilities({ files, template_tools, settings: { prompt_template } }: Model): Capability[] {
  const images = files.some(({ role }) => role === "projector");
  // Jan's plain templates do not render tools.
  const tools = template_tools !== false && prompt_template === undefined;
  return [...(images ? (["images"] as const) : []), ...(tools ? (["tools"] as const) : []), ...ALWAYS];
}
