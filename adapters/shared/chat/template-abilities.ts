// What a model can by its chat template, in the words of the API.
import type { TemplateAbilities } from "../../../models/manifest.ts";
import type { TemplateFacts } from "../../prompts.ts";

export function templateAbilities({ calls, forms, thoughts }: TemplateFacts): TemplateAbilities {
  const shown = forms.calls ? "unverified" : "prompted";
  return { tool_calls: calls === undefined ? shown : "native", reasoning: thoughts !== undefined };
}
