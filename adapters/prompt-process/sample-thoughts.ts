// What a template shows of thoughts, in conversations and in prompts with thoughts turned on and off.
import type { ThoughtMarkers } from "../prompts.ts";
import { findThoughtMarkers } from "../shared/reasoning/find-markers.ts";
import type { TextSample, ThoughtSamples } from "../shared/reasoning/thought-samples.ts";
import { withThoughts } from "./messages.ts";
import { LISTED } from "./sample-template.ts";
import type { Render, TemplateValues } from "./template.ts";

const [ASKED, THOUGHT, SAID] = ["INGLE-USER", "INGLE-THOUGHT", "INGLE-ASSISTANT"];
const CALL_ID = "ingle1234";

/** Switches of templates, turned on and off. */
const ON = { enable_thinking: true, thinking: true, reasoning: true, thinking_mode: "enabled" };
const OFF = { enable_thinking: false, thinking: false, reasoning: false, thinking_mode: "disabled" };

/** Characters: markers stand near the texts. */
const LONGEST = 16_384;

/** `parts`: as in `TemplateForms`. Undefined where the template shows no markers. */
export function sampleThoughts(render: Render, parts: boolean): ThoughtMarkers | undefined {
  const attempt = (values: TemplateValues): string | undefined => {
    try {
      const text = render(values);
      return LISTED.test(text) ? undefined : text;
    } catch {
      return undefined;
    }
  };
  const textOf = (text: string) => (parts ? [{ type: "text", text }] : text);
  const message = (role: string, text: string) => ({ role, content: textOf(text) });
  const asked = message("user", ASKED);
  const on = attempt({ messages: [asked], kwargs: ON });
  if (on === undefined) return undefined;
  const off = attempt({ messages: [asked], kwargs: OFF }) ?? on;

  const around = (messages: object[], mark: string): TextSample | undefined => {
    const text = attempt({ messages, generation_prompt: false, kwargs: ON });
    const at = text?.lastIndexOf(mark) ?? -1;
    if (text === undefined || at < 0) return undefined;
    return { before: behindQuestion(text.slice(0, at)), after: text.slice(at + mark.length).slice(0, LONGEST) };
  };
  const call = { id: CALL_ID, type: "function", function: { name: "ingle_sample_tool", arguments: { value: "a" } } };
  const calling = { ...message("assistant", ""), tool_calls: [call] };
  const answered = { ...message("tool", "b"), tool_call_id: CALL_ID, name: "ingle_sample_tool" };

  const sampleHistory = (): ThoughtSamples["thoughts"] => {
    for (const thought of FORMS) {
      const last = around([asked, thought(message("assistant", SAID))], THOUGHT);
      const shown = last ?? around([asked, thought(calling), answered], THOUGHT);
      if (shown === undefined) continue;
      const said = last?.after.indexOf(SAID) ?? -1;
      return { before: shown.before, after: said < 0 ? shown.after : shown.after.slice(0, said), answered: said >= 0 };
    }
    return undefined;
  };
  const earlier = message("assistant", `<think>${THOUGHT}</think>${SAID}`);
  const dropped = attempt({ messages: [asked, earlier, asked, message("assistant", SAID), asked], kwargs: ON });

  return findThoughtMarkers({
    ...{ opening: behindQuestion(on), opening_off: behindQuestion(off) },
    ...{ plain: around([asked, message("assistant", SAID)], SAID), thoughts: sampleHistory() },
    ...{ switches: on !== off, instruction: on === off ? "" : on.slice(0, LONGEST) },
    drops_think: dropped !== undefined && dropped.includes(SAID) && !dropped.includes(THOUGHT),
  });
}

/** Where templates look for what an assistant thought. */
const FORMS: ((message: { content?: string | object[] }) => object)[] = [
  (message) => withThoughts(message, THOUGHT, "reasoning_content"),
  (message) => withThoughts(message, THOUGHT, "thinking"),
  (message) => withThoughts(message, THOUGHT, "part"),
  (message) => ({ ...message, reasoning: THOUGHT }),
  ({ content, ...message }) => ({
    ...message,
    content: {
      blocks: [
        { type: "thoughts", text: THOUGHT },
        { type: "response", text: content },
      ],
    },
  }),
];

function behindQuestion(text: string): string {
  return text.slice(text.lastIndexOf(ASKED) + ASKED!.length).slice(-LONGEST);
}
