// A chat request as llama-server takes it. What llama-server would ignore, change or crash at is refused here.
import * as v from "valibot";
import { AdapterError, type ChatMessage, type ChatRequest } from "../adapter.ts";
import type { TemplateForms } from "../prompts.ts";
import { argumentsValue } from "../shared/call-arguments.ts";
import { continuedMessage } from "../shared/continued-message.ts";
import { chatBody } from "../shared/openai-stream/request-body.ts";
import { checkGrammar } from "../shared/grammar-limits/check-grammar.ts";
import { createGrammarBudget, type GrammarBudget } from "../shared/grammar-limits/explore.ts";
import { GrammarError } from "../shared/grammar-limits/gbnf.ts";
import { refuseCostlySchema } from "../shared/grammar-limits/schema.ts";
import { Samplers } from "../samplers.ts";
import { RESPONSE_FIELDS } from "./completion-format.ts";
import { withStringPatterns } from "./schema-patterns.ts";
import { toWellFormedJson } from "./well-formed-json.ts";

/** What a loaded model can take. */
export interface LlamaServerModel {
  /** Tokens of a slot. */
  context_length: number;
  /** Tokens of the vocabulary. */
  vocab_size: number;
  /** Whether llama-server has the model's own chat template; else it renders nothing. */
  own_template: boolean;
  /** Whether the chat template renders tools; llama-server would drop them in silence otherwise. */
  template_tools: boolean;
  /** Whether llama-server gives the template the arguments of calls as what their JSON stands for; else as the text that they are. */
  parsed_arguments: boolean;
}

/** Characters of a schema as JSON: while llama-server parses one, no generation goes on. */
const LONGEST_SCHEMA = 64 * 1024;

// Samplers are off unless the request names them. The penalties include the last tokens of the prompt, which no setting changes.
const OFF = {
  ...{ mirostat: 0, typical_p: 1, dynatemp_range: 0, xtc_probability: 0, dry_multiplier: 0, top_n_sigma: -1 },
  ...{ repeat_last_n: 64, min_keep: 0, ignore_eos: false },
};

/** The request as llama-server can honour it. Throws `AdapterError` `request_refused` where it cannot. */
export function checkedRequest(request: ChatRequest, model: LlamaServerModel): ChatRequest {
  checkCombinations(request);
  checkTools(request, model);
  checkConstraints(request, model.vocab_size);
  checkBias(request.logit_bias, model.vocab_size);
  request.messages.forEach(checkImages);
  return selectTools({ ...request, samplers: readSamplers(request, model) });
}

/** The body of `POST /v1/chat/completions`. `forms`: those of the template, which `request.messages` have. */
export function chatRouteBody(request: ChatRequest, model: LlamaServerModel, forms: TemplateForms): Record<string, unknown> {
  const { max_tokens, logprobs, chat_template_kwargs } = request;
  const begun = withBeginning(request);
  const messages = begun.messages.map((message) => withReadableCalls(message, model, forms));
  return {
    ...chatBody({ ...request, ...withStringPatterns(request), messages, stop: [] }, "model"),
    ...samplingOf(request),
    max_tokens: Math.min(max_tokens, model.context_length),
    ...(continuedMessage(begun) && { continue_final_message: true, add_generation_prompt: false }),
    ...(chat_template_kwargs && { chat_template_kwargs }),
    ...(logprobs && { top_logprobs: rivals(logprobs) }),
  };
}

/**
 * llama-server renders the messages before one that goes on. Many templates refuse to render none; and behind an empty one the template's own
 * beginning of an answer would be missing.
 */
function withBeginning(request: ChatRequest): ChatRequest {
  const begun = continuedMessage(request);
  if (begun === undefined) return request;
  const messages: ChatMessage[] = request.messages.length > 1 ? request.messages : [{ role: "user", content: "" }, begun];
  if (begun.content.length > 0 || begun.reasoning_content) return { ...request, messages };
  return { ...request, messages: messages.slice(0, -1), continue_final_message: false };
}

/** llama-server ends in an error of its own at arguments that it cannot parse. */
function withReadableCalls(message: ChatMessage, { parsed_arguments }: LlamaServerModel, forms: TemplateForms): ChatMessage {
  if (message.tool_calls === undefined) return message;
  const tool_calls = message.tool_calls.map((call) => {
    const value = argumentsValue(call.function.arguments, forms);
    const written = typeof value === "string" && !parsed_arguments ? value : toWellFormedJson(value);
    return { ...call, function: { ...call.function, arguments: written } };
  });
  return { ...message, tool_calls };
}

/** The body of `POST /completion`, of a request that was checked. */
export function completionBody(request: ChatRequest, tokens: number[], model: LlamaServerModel): Record<string, unknown> {
  const { max_tokens, logprobs } = request;
  return {
    // An empty list is an error; an empty text has an empty answer.
    prompt: tokens.length === 0 ? "" : tokens,
    stream: true,
    response_fields: RESPONSE_FIELDS,
    ...samplingOf(request),
    n_predict: Math.min(max_tokens, model.context_length),
    ...(logprobs && { n_probs: rivals(logprobs) }),
  };
}

/** Names that both routes know. answer-events.ts applies the stop strings: llama-server drops the beginning of one at the end of an answer. */
function samplingOf(request: ChatRequest): Record<string, unknown> {
  const { top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty, seed, logit_bias, grammar } = request;
  return {
    ...{ top_p, top_k, min_p, repeat_penalty, frequency_penalty, presence_penalty, seed, ...OFF, ...request.samplers },
    // top_p 0 keeps the likeliest token alone, which is what greedy is.
    temperature: top_p === 0 ? 0 : request.temperature,
    return_progress: true,
    // Tells how many tokens an answer has that ends at a stop string, and how many were not reported where logprobs are.
    timings_per_token: request.stop.length > 0 || request.logprobs !== undefined,
    ...(logit_bias && { logit_bias }),
    ...(grammar !== undefined && { grammar }),
  };
}

/** With 0 llama-server leaves out the chosen tokens too: generation.ts cuts the list down again. */
const rivals = ({ top }: NonNullable<ChatRequest["logprobs"]>): number => Math.max(1, top);

/** A named tool becomes the only one, and required: llama-server takes no name. With `none`, there are no tools. */
function selectTools({ tools, tool_choice, ...others }: ChatRequest): ChatRequest {
  if (tools === undefined || tool_choice === "none") return others;
  if (typeof tool_choice !== "object") return { ...others, tools, ...(tool_choice && { tool_choice }) };
  const only = tools.filter((tool) => tool.function.name === tool_choice.name);
  if (only.length === 0) {
    throw refused("tool_choice.function.name", `"tool_choice" names "${tool_choice.name}", which is none of "tools".`);
  }
  return { ...others, tools: only, tool_choice: "required" };
}

/** llama-server honours one of two constraints on an answer and ignores the other in silence. */
function checkCombinations({ tools, tool_choice, ...others }: ChatRequest): void {
  const constraints = { ...others, tools: tool_choice === "none" ? undefined : tools };
  for (const [one, other] of [
    ["grammar", "response_format"],
    ["grammar", "tools"],
    ["response_format", "tools"],
    ["logprobs", "tools"],
  ] as const) {
    if (constraints[one] === undefined || constraints[other] === undefined) continue;
    throw refused(one, `This engine cannot honour "${one}" together with "${other}".`);
  }
}

function checkTools(request: ChatRequest, { template_tools }: LlamaServerModel): void {
  const { tools, tool_choice } = request;
  if (tools === undefined || tool_choice === "none") return;
  if ((tool_choice === "required" || typeof tool_choice === "object") && continuedMessage(request) !== undefined) {
    const message = `An answer that goes on with the last message begins with a text, so "tool_choice" can force no call.`;
    throw refused("tool_choice", `${message} Send "continue_final_message": false, or leave "tool_choice" out.`);
  }
  if (template_tools) return;
  throw refused("tools", "The chat template of this model knows no tools: take a model that was made for them.");
}

/** What would cost llama-server its memory or all its time, and what it would pass over. */
function checkConstraints({ grammar, response_format, tools }: ChatRequest, vocab_size: number): void {
  const budget = createGrammarBudget(vocab_size);
  // The schemas of all tools become one grammar.
  for (const [name, value] of Object.entries({ response_format, tools })) {
    if (value !== undefined && JSON.stringify(value).length > LONGEST_SCHEMA) {
      throw refused(name, `"${name}" has more than ${LONGEST_SCHEMA} characters.`);
    }
  }
  if (grammar !== undefined) checkGrammar(grammar, vocab_size);
  if (response_format?.type === "json_schema") {
    checkSchema("response_format", response_format.json_schema.schema, "response_format.json_schema.schema", budget);
  }
  for (const [i, tool] of tools?.entries() ?? []) {
    const { name, parameters } = tool.function;
    // What a call goes on with is told by the name alone.
    const alike = tools!.filter((other) => other.function.name === name).length;
    checkSchema("tools", parameters, `tools[${i}].function.parameters`, {
      ...budget,
      most_readings: Math.floor(budget.most_readings / alike),
    });
  }
}

function checkSchema(param: string, schema: unknown, path: string, budget: GrammarBudget): void {
  refuseWhereCostly(param, `The schema in "${path}" cannot be honoured`, () => refuseCostlySchema(schema, budget));
}

function refuseWhereCostly(param: string, sentence: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    throw refused(param, `${sentence}: ${error.message}.`);
  }
}

function checkBias(bias: ChatRequest["logit_bias"], vocab_size: number): void {
  for (const id of Object.keys(bias ?? {})) {
    if (!/^\d+$/.test(id) || Number(id) >= vocab_size) {
      const message = `"logit_bias" names the token ${id.slice(0, 40)}, and the model has the tokens 0 to ${vocab_size - 1}.`;
      throw refused("logit_bias", message);
    }
  }
}

/** llama-server would fetch an address, and read any other text as base64. */
function checkImages({ content }: ChatMessage, i: number): void {
  if (typeof content === "string") return;
  for (const [j, part] of content.entries()) {
    if (part.type === "image_url" && !part.image_url.url.startsWith("data:image/")) {
      throw refused(`messages[${i}].content[${j}].image_url.url`, `An image is no "data:" URL.`);
    }
  }
}

/** llama-server takes no -1 for the length of the context. */
function readSamplers({ samplers }: ChatRequest, { context_length }: LlamaServerModel): Record<string, unknown> {
  const read = v.safeParse(Samplers, samplers ?? {});
  if (!read.success) {
    const [issue] = read.issues;
    const name = String(issue.path?.[0].key ?? "samplers");
    throw refused(name, `"${v.getDotPath(issue) ?? name}": ${issue.message}.`);
  }
  return Object.fromEntries(
    Object.entries(read.output).map(([name, value]) => [name, name.endsWith("last_n") && value === -1 ? context_length : value]),
  );
}

function refused(param: string, message: string): AdapterError {
  return new AdapterError("request_refused", message, { param });
}
