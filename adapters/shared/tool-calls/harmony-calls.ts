// The calls of gpt-oss, whose recipient stands in the role of a message or in its channel: its template writes the first, its models both.
// https://cookbook.openai.com/articles/openai-harmony
import type { FoundSyntax } from "./call-parts.ts";

const RECIPIENT = "to=functions.";

/** Without a change where the syntax is another one. */
export function withHarmonyForms(syntax: FoundSyntax): FoundSyntax {
  const [head, name, middle, ...rest] = syntax.call;
  if (head !== RECIPIENT || typeof middle !== "string" || !middle.startsWith("<|channel|>")) return syntax;
  const within = ["<|channel|>commentary", "<|channel|>analysis"].flatMap((channel) => [channel, `<|start|>assistant${channel}`]);
  const later = ["<|start|>assistant", ...within].map((before) => `${before} ${RECIPIENT}`);
  const behind_name = [
    middle,
    " <|constrain|>json<|message|>",
    "<|channel|>commentary <|constrain|>json<|message|>",
    "<|message|>",
  ];
  return {
    ...syntax,
    call: [{ one_of: [RECIPIENT, ...later] }, name!, { one_of: behind_name }, ...rest],
    triggers: [{ text: RECIPIENT, at_start: true }, ...later.map((text) => ({ text, at_start: false }))],
  };
}
