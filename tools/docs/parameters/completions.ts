// The table of a completion's parameters: a value of each that asks for something, and what becomes of it.
import type { ChatEvent, Engine } from "../../../adapters/adapter.ts";
import type { CompletionRequest } from "../../../adapters/completion.ts";
import { PARAMETERS } from "../../../src/api/completions/parameters/list.ts";
import { prepareCompletion } from "../../../src/api/completions/prepare.ts";
import { CompletionBody } from "../../../src/api/completions/request.ts";
import { validateWith } from "../../../src/http/validate.ts";
import { GENERATION_EXAMPLES, THINKING_EXAMPLES } from "./generation.ts";
import type { ParameterTable } from "./table.ts";

export const COMPLETIONS_TABLE: ParameterTable = {
  heading: "Parameters of completions",
  source: "src/api/completions/parameters/list.ts",
  list: PARAMETERS,
  examples: {
    ...GENERATION_EXAMPLES,
    ...THINKING_EXAMPLES,
    prompt: { prompt: ["hello", "world"] },
    suffix: { suffix: "world" },
    echo: { echo: true },
    logprobs: { logprobs: 2 },
    best_of: { best_of: 2 },
    messages: { messages: [{ role: "user", content: "hello" }] },
    tool_choice: { tool_choice: "required" },
    parallel_tool_calls: { parallel_tool_calls: "no" },
    function_call: { function_call: { name: "look" } },
    add_special_tokens: { add_special_tokens: false },
    continue_final_message: { continue_final_message: true },
    add_generation_prompt: { add_generation_prompt: true },
  },
  needed: { prompt: "hello" },
  async try(fields, model, adapter) {
    const request = validateWith(CompletionBody, fields);
    const prepared = await prepareCompletion(request, { model, adapter, newSeed: () => 0, cache_scope: "" });
    let hints: CompletionRequest["hints"];
    const engine: Partial<Engine> = {
      async *complete(request): AsyncGenerator<ChatEvent> {
        ({ hints } = request);
        yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: 0, cached_tokens: 0 } };
      },
    };
    for await (const _ of prepared.answer(engine as Engine, new AbortController().signal, 1));
    return { ignored: prepared.ignored, handed_on: Object.keys(hints ?? {}) };
  },
};
