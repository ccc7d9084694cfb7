// The table of a response's parameters: a value of each that asks for something, and what becomes of it.
import { PARAMETERS } from "../../../src/api/responses/parameters.ts";
import { ResponseBody, toChatBody } from "../../../src/api/responses/request.ts";
import { inClientsWords } from "../../../src/api/generation/respell.ts";
import { validateWith } from "../../../src/http/validate.ts";
import { CHAT_TABLE } from "./chat.ts";
import { GENERATION_EXAMPLES, THINKING_EXAMPLES } from "./generation.ts";
import type { ParameterTable } from "./table.ts";

const TOOLS = { tools: [{ type: "function", name: "look", parameters: { type: "object", properties: {} } }] };

export const RESPONSES_TABLE: ParameterTable = {
  heading: "Parameters of responses",
  source: "src/api/responses/parameters.ts",
  list: PARAMETERS,
  examples: {
    ...GENERATION_EXAMPLES,
    ...THINKING_EXAMPLES,
    input: { input: [{ role: "user", content: "hello" }] },
    instructions: { instructions: "Be brief." },
    max_output_tokens: { max_output_tokens: 2 },
    max_tool_calls: { max_tool_calls: 2 },
    metadata: { metadata: { a: "b" } },
    text: { text: { format: { type: "json_object" } } },
    include: { include: ["message.output_text.logprobs"] },
    truncation: { truncation: "auto" },
    tools: TOOLS,
    tool_choice: { ...TOOLS, tool_choice: "required" },
    parallel_tool_calls: { ...TOOLS, parallel_tool_calls: false },
    top_logprobs: { top_logprobs: 2 },
    reasoning: { reasoning: { effort: "low" } },
    messages: { messages: [{ role: "user", content: "hello" }] },
  },
  needed: { input: "hello" },
  bound: "max_output_tokens",
  async try(fields, model, adapter) {
    const sent = validateWith(ResponseBody, fields);
    const { body, ignored, clientPath } = toChatBody(sent, fields);
    try {
      const chat = await CHAT_TABLE.try(body, model, adapter);
      return { ...chat, ignored: [...ignored, ...chat.ignored.map(clientPath)] };
    } catch (error) {
      throw inClientsWords(error, { clientPath });
    }
  },
};
