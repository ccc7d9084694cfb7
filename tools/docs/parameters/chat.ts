// The table of a chat's parameters: a value of each that asks for something, and what becomes of it.
import type { ChatEvent, ChatRequest, Engine } from "../../../adapters/adapter.ts";
import { PARAMETERS } from "../../../src/api/chat/parameters/list.ts";
import { prepareChat } from "../../../src/api/chat/prepare.ts";
import { ChatCompletionRequest } from "../../../src/api/chat/request.ts";
import { validateWith } from "../../../src/http/validate.ts";
import type { JsonObject } from "../../../src/support/json.ts";
import { GENERATION_EXAMPLES, THINKING_EXAMPLES } from "./generation.ts";
import type { ParameterTable } from "./table.ts";

const CALLED = { name: "look", description: "Looks.", parameters: { type: "object", properties: {} } };
const TOOLS = { tools: [{ type: "function", function: CALLED }] };

/** The fields that are sent for a parameter, where one field will not do or the value must be a certain one. */
const EXAMPLES: Record<string, JsonObject> = {
  ...GENERATION_EXAMPLES,
  ...THINKING_EXAMPLES,
  messages: { messages: [{ role: "user", content: "hello" }] },
  continue_final_message: {
    ...{ continue_final_message: true },
    messages: [
      { role: "user", content: "hello" },
      { role: "assistant", content: "hello" },
    ],
  },
  add_generation_prompt: { add_generation_prompt: true },
  tools: TOOLS,
  tool_choice: { ...TOOLS, tool_choice: "required" },
  parallel_tool_calls: { ...TOOLS, parallel_tool_calls: false },
  functions: { functions: [CALLED] },
  function_call: { functions: [CALLED], function_call: { name: "look" } },
  logprobs: { logprobs: true },
  top_logprobs: { logprobs: true, top_logprobs: 2 },
};

export const CHAT_TABLE: ParameterTable = {
  heading: "Parameters of chat",
  source: "src/api/chat/parameters/list.ts",
  list: PARAMETERS,
  examples: EXAMPLES,
  needed: { messages: [{ role: "user", content: "hello" }] },
  async try(fields, model, adapter) {
    const request = validateWith(ChatCompletionRequest, fields);
    const prepared = await prepareChat(request, { model, adapter, newSeed: () => 0, cache_scope: "" });
    let hints: ChatRequest["hints"];
    const engine = {
      async *chat(request: ChatRequest): AsyncGenerator<ChatEvent> {
        ({ hints } = request);
        yield { type: "text", text: "" };
      },
    };
    for await (const _ of prepared.answer(engine as Partial<Engine> as Engine, new AbortController().signal, 1));
    return { ignored: prepared.ignored, handed_on: Object.keys(hints ?? {}) };
  },
};
