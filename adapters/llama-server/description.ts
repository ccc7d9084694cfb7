// What is known of llama-server without loading the code that runs it.
import type { Model } from "../../models/manifest.ts";
import { CAPABILITIES, type Adapter, type Capability } from "../adapter.ts";

export const ABOUT: Pick<Adapter, "name" | "capabilities"> = { name: "llama-server", capabilities };

function capabilities({ files, template_tools, settings: { prompt_template } }: Model): Capability[] {
  const images = files.some(({ role }) => role === "projector");
  // Jan's plain templates do not render tools.
  const tools = template_tools !== false && prompt_template === undefined;
  return CAPABILITIES.filter((one) => (one === "images" ? images : one !== "tools" || tools));
}
