// The parameters of a response, and what becomes of each. The table of docs/api.md is made from this list.
import { PARAMETERS as CHAT_PARAMETERS } from "../chat/parameters/list.ts";
import { entries, type ParameterList } from "../generation/parameters/known.ts";
import { each, EMPTY, EMPTY_OBJECT, is, NEVER } from "../generation/parameters/nothing.ts";

/** Parameters of a chat that a response has by another name, or not at all. */
const OF_CHAT =
  "messages response_format max_tokens max_completion_tokens n_predict num_predict max_new_tokens n n_cmpl num_return_sequences " +
  "logprobs functions function_call continue_final_message add_generation_prompt usage reasoning_effort verbosity";

const others = new Set(OF_CHAT.split(" "));

export const PARAMETERS: ParameterList = new Map([
  ...[...CHAT_PARAMETERS].filter(([name]) => !others.has(name)),
  ...entries(
    {
      OpenAI: {
        ...each(NEVER, "input instructions max_output_tokens max_tool_calls metadata text include truncation"),
      },
    },
    { type: "honoured" },
  ),
  ...entries({ OpenAI: { reasoning: EMPTY_OBJECT } }, { type: "switch" }),
  ...entries({ OpenAI: each(EMPTY, "client_metadata access_programs background_options") }, { type: "passed over" }),
  ...entries(
    {
      OpenAI: {
        ...each(is(false), "store background"),
        ...each(EMPTY, "previous_response_id conversation context_management prompt moderation image"),
        ...each(EMPTY, OF_CHAT),
      },
    },
    { type: "refused" },
  ),
]);

const NOT_KEPT = 'Responses are not kept by this version: leave it out, and send the whole conversation as "input".';

/** What to do instead, where a parameter is refused. */
export const INSTEAD: Record<string, string> = {
  ...Object.fromEntries(["store", "previous_response_id", "conversation"].map((name) => [name, NOT_KEPT])),
  background:
    'Responses are not kept by this version: leave it out, and read the answer of the request, or stream it with "stream".',
  context_management: 'Leave it out, and send "truncation": "auto", or fewer items, where they do not fit.',
  messages: 'Send them as "input".',
  response_format: 'Send it as "text": {"format": …}.',
  ...Object.fromEntries(
    ["max_tokens", "max_completion_tokens", "n_predict", "num_predict", "max_new_tokens"].map((name) => [
      name,
      'Send "max_output_tokens" instead.',
    ]),
  ),
  logprobs: 'Send "include": ["message.output_text.logprobs"] instead.',
  functions: 'Send "tools" instead.',
  function_call: 'Send "tool_choice" instead.',
  reasoning_effort: 'Send "reasoning": {"effort": …} instead.',
  verbosity: 'Send "text": {"verbosity": …} instead.',
};
