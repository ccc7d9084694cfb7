// Conversations with calls, rendered to see how a template writes calls.
import type { TemplateForms } from "../../prompts.ts";
import { argumentsValue } from "../call-arguments.ts";

export const [FIRST, SECOND] = ["ingle_first_tool", "ingle-second-tool-2"] as const;
/** Mistral's templates refuse ids of every other length. */
export const [FIRST_ID, SECOND_ID] = ["ingle1234", "ingle5678"] as const;
export const [ASKED, SAID] = ["INGLE-USER", "INGLE-ASSISTANT"] as const;

/** An argument of each kind, whose text is found again in what is rendered. */
export const PROBES = {
  ...{ ingle_string: "ingle text", ingle_number: 4171, ingle_boolean: true, ingle_null: null },
  ...{ ingle_array: [5813], ingle_object: { ingle_key: 7129 } },
};

const text = `"Ü",\n 'a' < b & c\t字😀 {x}: [1]\n`;
const nested = { deep: [{ a: 'say "é"' }, { a: "</x>" }], more: { x: null, y: "z" }, rows: [[true, false], []] };

/** Arguments that are harder to write than `PROBES`. Some templates have no way to quote an apostrophe. */
export const hardArguments = (apostrophes: boolean): [Record<string, unknown>, Record<string, unknown>] => [
  {
    ...{ text: apostrophes ? text : text.replaceAll("'", ""), empty: "", digits: "12", word: "null" },
    ...{ count: -3, ratio: 0.25, yes: true, no: false, nothing: null, list: [1, -2, 3], nested },
  },
  { last: "true", "a-b": [["x", "y"], []], other: {} },
];

export interface SampleCall {
  name: string;
  arguments: Record<string, unknown>;
}

export type SampleForms = Pick<
  TemplateForms,
  "parts" | "nine_character_ids" | "object_arguments" | "text_arguments" | "flat_arguments" | "null_content"
>;

/** The messages and tools of a conversation whose last message says something and calls tools, each perhaps. */
export function sampleConversation(
  said: string,
  calls: readonly SampleCall[],
  forms: SampleForms,
): { messages: object[]; tools: object[] } {
  const message = (role: string, content: string): object => ({
    ...{ role, content: forms.parts ? [{ type: "text", text: content }] : content },
  });
  const tool_calls = calls.map(({ name, arguments: given }, at) => ({
    ...{ id: at === 0 ? FIRST_ID : SECOND_ID, type: "function" },
    function: { name, arguments: argumentsValue(JSON.stringify(given), forms) },
  }));
  const silent = said === "" && forms.null_content && { content: null };
  const answer = { ...message("assistant", said), ...silent, ...(calls.length > 0 && { tool_calls }) };
  const asked = message("user", ASKED);
  return { messages: said === "" && calls.length === 0 ? [asked] : [asked, answer], tools: [FIRST, SECOND].map(definition) };
}

function definition(name: string): object {
  return { type: "function", function: { name, description: "", parameters: { type: "object", properties: {} } } };
}
