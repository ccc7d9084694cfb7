// What the reference says of tokens and prompts.
import * as v from "valibot";
import { ChatRequestReference } from "../chat/reference.ts";
import { parametersReference } from "../generation/parameters/reference.ts";
import { Count, described, GENERATION_ERRORS, LOAD_ERRORS, type Operation } from "../reference/operation.ts";
import { DETOKENIZE_PARAMETERS, TOKENIZE_PARAMETERS } from "./parameters.ts";
import { DetokenizeBody, TokenizeBody } from "./schema.ts";

const Piece = described(v.union([v.string(), v.array(Count)]), "Its bytes where they are no whole text.");
const TOKENIZE_ERRORS = [...LOAD_ERRORS, "400 unsupported_parameter", "504 request_timeout"];
const HELLO = [{ role: "user", content: "Hello!" }];

export const tokenizeOperations: Operation[] = [
  {
    ...{ id: "tokenize", method: "post", path: "/v1/tokenize", tag: "Tokens", summary: "A text, or a chat, as tokens" },
    description:
      "`content` and `add_special` are llama-server's, `prompt` and `add_special_tokens` vLLM's: before a `prompt` comes what a sequence begins with, " +
      "before a `content` nothing, unless the request says otherwise. With `messages` the tokens are those of a chat's prompt.",
    body: {
      schema: parametersReference(TokenizeBody.entries, TOKENIZE_PARAMETERS),
      examples: {
        text: { content: "Hello, world!" },
        pieces: { content: "Hello!", with_pieces: true },
        chat: { messages: HELLO },
      },
    },
    answer: {
      description: "The tokens.",
      schema: v.object({
        tokens: v.array(v.union([Count, v.object({ id: Count, piece: Piece })])),
        count: Count,
        max_model_len: described(v.optional(Count), "Tokens of a slot."),
        token_strs: described(v.optional(v.array(v.string())), "With `return_token_strs`."),
      }),
      example: { tokens: [9707, 11, 1879, 0], count: 4, max_model_len: 4096 },
    },
    errors: [...GENERATION_ERRORS],
  },
  {
    ...{ id: "detokenize", method: "post", path: "/v1/detokenize", tag: "Tokens", summary: "The text of tokens" },
    description: "With the names of special tokens. `content` is llama-server's name of it, and `prompt` vLLM's.",
    body: {
      schema: parametersReference(DetokenizeBody.entries, DETOKENIZE_PARAMETERS),
      examples: { tokens: { tokens: [9707, 11, 1879, 0] } },
    },
    answer: {
      description: "The text.",
      schema: v.object({ content: v.string(), prompt: v.string() }),
      example: { content: "Hello, world!", prompt: "Hello, world!" },
    },
    errors: TOKENIZE_ERRORS,
  },
  {
    ...{ id: "countInputTokens", method: "post", path: "/v1/chat/completions/input_tokens", tag: "Tokens" },
    summary: "How many tokens the prompt of a chat has",
    description:
      "The body is that of a chat: `usage.prompt_tokens` of its answer would be this number. A slot need not hold so many.",
    body: { schema: ChatRequestReference, examples: { chat: { messages: HELLO } } },
    answer: {
      description: "The number.",
      schema: v.object({ object: v.literal("response.input_tokens"), input_tokens: Count }),
      example: { object: "response.input_tokens", input_tokens: 12 },
    },
    errors: GENERATION_ERRORS,
  },
  {
    ...{
      id: "applyTemplate",
      method: "post",
      path: "/v1/apply-template",
      tag: "Tokens",
      summary: "The prompt of a chat as text",
    },
    description:
      "What the model's chat template makes of the messages, without the token that a sequence begins with. The body is that of a chat.",
    body: { schema: ChatRequestReference, examples: { chat: { messages: HELLO } } },
    answer: {
      description: "The text.",
      schema: v.object({ prompt: v.string() }),
      example: { prompt: "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n" },
    },
    errors: GENERATION_ERRORS,
  },
];
