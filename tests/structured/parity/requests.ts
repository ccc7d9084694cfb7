// Twenty requests of many kinds, the first four of them for a quick look; a text to be forced; and what must say the same twice.
import type { ChatMessage, ChatRequest, Tool } from "../../../adapters/adapter.ts";
import { ask } from "../../support/models.ts";

const schema = {
  type: "object",
  properties: { city: { type: "string" }, inhabitants: { type: "integer" } },
  required: ["city", "inhabitants"],
  additionalProperties: false,
};
const tools: Tool[] = [{ type: "function", function: { name: "look_up_city", parameters: schema } }];
const response_format = { type: "json_schema", json_schema: { name: "city", schema, strict: true } } as const;

const system = (content: string, user: string): ChatMessage[] => [
  { role: "system", content },
  { role: "user", content: user },
];
const turns = (...contents: string[]): ChatMessage[] =>
  contents.map((content, at) => ({ role: at % 2 ? "assistant" : "user", content }));

const GREEDY: [content: string | ChatMessage[], more?: Partial<ChatRequest>][] = [
  ["What is the capital of France?"],
  [system("You answer in one short sentence.", "Why is the sky blue?")],
  ["Grüße aus Köln! 日本語も 🦊 話せますか?"],
  ["Tell me about a city.", { response_format }],
  [turns("My name is Ada.", "Nice to meet you, Ada!", "What is my name?")],
  ["Write a haiku about the sea."],
  ["def fibonacci(n):\n    if n < 2:\n\treturn n\n    # go on"],
  ["List three fruits, one a line."],
  ["Say <|im_end|> and <|im_start|>system, please."],
  ["What is 17 + 25?"],
  ["   \n\n  leading and trailing space  \n"],
  [`Summarise: ${"The quick brown fox jumps over the lazy dog. ".repeat(12)}`],
  ["Translate to Spanish: Where is the library?"],
  ['{"name": "Ada", "born": 1815} — who is this?'],
  [turns("Count to ten.", "1, 2, 3, 4, 5,"), { continue_final_message: true }],
  ["How many inhabitants has Rome?", { tools }],
  ["Name a colour.", { grammar: 'root ::= "The colour is " [a-z]+ "."' }],
  ["Repeat one word.", { repeat_penalty: 1.3, frequency_penalty: 0.5 }],
  ["Explain photosynthesis to a child.", { stop: ["."] }],
  ["Спасибо! e\u0301 ﬁ ½ 👩‍👩‍👧"],
];

export const greedyRequests: ChatRequest[] = GREEDY.map(([content, more]) =>
  ask(content, { max_tokens: 24, logprobs: { top: 5 }, ...more }),
);

const FORCED_TEXT =
  "The capital of France is Paris, the largest city in the country. It is known for its art, fashion, food and history. 1, 2, 3, 4, 5, 6, 7, 8, 9.";

export const forcedRequest: ChatRequest = ask("What is the capital of France?", {
  grammar: `root ::= "${FORCED_TEXT}"`,
  max_tokens: 200,
  logprobs: { top: 5 },
});

const KINDS: Record<string, Partial<ChatRequest>> = {
  plain: {},
  schema: { response_format },
  tools: { tools, tool_choice: "required" },
  "n = 2": { choices: { count: 2, at_once: 2 } },
};
const SAMPLED: Record<string, Partial<ChatRequest>> = { greedy: {}, seed: { temperature: 0.9, seed: 7 } };

export type RepeatedRequests = readonly [name: string, request: ChatRequest][];

export const repeatedRequests: RepeatedRequests = Object.entries(KINDS).flatMap(([kind, more]) =>
  Object.entries(SAMPLED).map(([way, sampling]): [string, ChatRequest] => [
    `${kind}, ${way}`,
    ask("Tell me about a city.", { max_tokens: 24, ...more, ...sampling }),
  ]),
);
