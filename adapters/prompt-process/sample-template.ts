// What a chat template wants its messages to look like, found by rendering samples: templates have no declarations.
import type { TemplateForms } from "../prompts.ts";
import { withThoughts } from "./messages.ts";
import type { Sample } from "./protocol.ts";
import type { Render } from "./template.ts";

/** The forms of a template that takes everything as it is, but knows no tools. */
export const PLAIN_FORMS: TemplateForms = {
  ...{ system: "any", parts: false, calls: false, parallel_calls: true },
  ...{ text_arguments: false, object_arguments: false, flat_arguments: false },
  ...{ null_content: false, nine_character_ids: false },
  ...{ thoughts: "reasoning_content", alternates: false, user_first: false, user_needed: false },
};

/** `parts`: as in the forms. */
export const SAMPLES: Record<Sample, (render: Render, parts: boolean) => Partial<TemplateForms>> = {
  user: sampleUser,
  messages: sampleMessages,
  tools: sampleTools,
  calls: sampleCalls,
};

const [RULE, LATER_RULE] = ["INGLE-SYSTEM", "INGLE-LATER-SYSTEM"];
const [ASKED, ASKED_AGAIN] = ["INGLE-USER", "INGLE-SECOND-USER"];
const SAID = "INGLE-ASSISTANT";
const THOUGHT = "INGLE-THOUGHT";
const [TOOL, OTHER_TOOL] = ["ingle_sample_tool", "ingle_other_tool"];
const [ANSWER, OTHER_ANSWER] = ["ingle sample answer", "ingle other answer"];
const VALUE = "ingle sample value";
/** Mistral's templates refuse every other length. */
const [CALL_ID, OTHER_CALL_ID] = ["ingle1234", "ingle5678"];

/** How a template that expects a text writes a list of parts. */
export const LISTED = /\{['"]type['"]: ['"](text|thinking)/;

/** A sample that breaks is one that the template does not take: requests have their own errors. */
function shows(render: Render, texts: string[], messages: object[], tools?: object[]): boolean {
  try {
    const rendered = render({ messages, tools });
    return texts.every((text) => rendered.includes(text)) && !LISTED.test(rendered);
  } catch {
    return false;
  }
}

const message = (role: string, text: string, parts: boolean): object => ({
  role,
  content: parts ? [{ type: "text", text }] : text,
});

function sampleUser(render: Render): Partial<TemplateForms> {
  const shown = (parts: boolean): boolean => shows(render, [ASKED], [message("user", ASKED, parts)]);
  return { parts: !shown(false) && shown(true) };
}

function sampleMessages(render: Render, parts: boolean): Partial<TemplateForms> {
  const [asked, asked_again] = [message("user", ASKED, parts), message("user", ASKED_AGAIN, parts)];
  const said = message("assistant", SAID, parts);
  const [rule, later_rule] = [message("system", RULE, parts), message("system", LATER_RULE, parts)];

  const sampleSystem = (): TemplateForms["system"] => {
    if (!shows(render, [RULE], [rule, asked])) return "none";
    if (!shows(render, [LATER_RULE], [asked, said, later_rule, asked_again])) return "first";
    const both = [RULE, LATER_RULE];
    const any =
      shows(render, both, [rule, later_rule, asked]) && shows(render, both, [rule, asked, said, later_rule, asked_again]);
    return any ? "any" : "one";
  };

  return {
    system: sampleSystem(),
    alternates: !shows(render, [ASKED, ASKED_AGAIN], [asked, asked_again]),
    user_first: !shows(render, [SAID, ASKED], [said, asked]),
    user_needed: !shows(render, [RULE], [rule]),
    ...sampleThoughts(render, (thought) => [
      [asked, thought(said)],
      [asked, thought(said), asked_again],
    ]),
  };
}

/** Nothing where none of the conversations shows a thought, in whatever form. */
function sampleThoughts(
  render: Render,
  conversations: (thought: (message: object) => object) => object[][],
): Pick<Partial<TemplateForms>, "thoughts"> {
  const thoughts = (["reasoning_content", "thinking", "part"] as const).find((form) =>
    conversations((message) => withThoughts(message, THOUGHT, form)).some((messages) => shows(render, [THOUGHT], messages)),
  );
  return thoughts === undefined ? {} : { thoughts };
}

function sampleTools(render: Render, parts: boolean): Partial<TemplateForms> {
  const tool = { name: TOOL, description: "", parameters: { type: "object", properties: {} } };
  return { calls: shows(render, [TOOL], [message("user", ASKED, parts)], [{ type: "function", function: tool }]) };
}

interface Call {
  id?: string;
  name?: string;
  arguments?: object | string;
}

function sampleCalls(render: Render, parts: boolean): Partial<TemplateForms> {
  const sampled = sampleCallsBeside("", render, parts);
  if (sampled.calls) return sampled;
  const silent = sampleCallsBeside(null, render, parts);
  return silent.calls ? { ...silent, null_content: true } : sampled;
}

function sampleCallsBeside(content: "" | null, render: Render, parts: boolean): Partial<TemplateForms> {
  const asked = message("user", ASKED, parts);
  const call = ({ id = CALL_ID, name = TOOL, arguments: given = { value: VALUE } }: Call): object => ({
    ...{ id, type: "function", function: { name, arguments: given } },
  });
  const calling = (...calls: Call[]): object => ({
    ...message("assistant", "", parts),
    ...(content === null && { content }),
    tool_calls: calls.map(call),
  });
  const answered = (text: string, id: string): object => ({ ...message("tool", text, parts), tool_call_id: id });
  const history = (made: Call): object[] => [asked, calling(made), answered(ANSWER, made.id ?? CALL_ID)];
  const shown = (texts: string[], made: Call): boolean => shows(render, texts, history(made));
  const parallel = [
    ...[asked, calling({}, { id: OTHER_CALL_ID, name: OTHER_TOOL })],
    ...[answered(ANSWER, CALL_ID), answered(OTHER_ANSWER, OTHER_CALL_ID)],
  ];
  const text = `{"${VALUE}`;
  const text_arguments = shown([text], { arguments: text });
  // A template that puts arguments behind a text, as one does that expects a text, makes them Python's.
  const object_arguments = shown([VALUE], {}) && !(text_arguments && shown([`'${VALUE}'`], {}));
  const usual = object_arguments ? {} : { arguments: text };
  return {
    calls: shown([TOOL, ANSWER], usual),
    parallel_calls: !shown([TOOL, ANSWER], {}) || shows(render, [TOOL, OTHER_TOOL, ANSWER, OTHER_ANSWER], parallel),
    ...{ object_arguments, text_arguments },
    nine_character_ids: shown([ANSWER], usual) && !shown([ANSWER], { ...usual, id: `call_${CALL_ID}` }),
    ...sampleThoughts(render, (thought) => [[asked, thought(calling({})), answered(ANSWER, CALL_ID)]]),
  };
}
