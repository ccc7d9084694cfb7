// What a model can do by its chat template, in the words of the API.
import type { TemplateAbilities } from "../../../models/manifest.ts";
import type { ModelPrompts } from "../../prompts.ts";

export function templateAbilities({
  template,
  template_digest,
}: Pick<ModelPrompts, "template" | "template_digest">): TemplateAbilities {
  const { bounded, calls, forms, thoughts } = template;
  // Samples that ended their process have shown nothing.
  const shown = forms.calls || !bounded ? "unverified" : "prompted";
  return {
    tool_calls: calls === undefined ? shown : "native",
    reasoning: thoughts !== undefined,
    template: template_digest,
  };
}
