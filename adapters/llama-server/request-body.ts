// A chat request in llama-server's words. What it would pass over, bend or die of is refused here.
import * as v from "valibot";
import { AdapterError, type ChatMessage, type ChatRequest } from "../adapter.ts";
import { chatBody } from "../shared/openai-stream/request-body.ts";
import { Samplers } from "../samplers.ts";

export interface Limits {
  /** Tokens of a slot. */
  context_length: number;
  /** Tokens of the vocabulary. */
  vocab_size: number;
  /** Whether its chat template says anything of tools; else the engine would drop them in silence. */
  knows_tools: boolean;
}

/** Characters of a grammar, or of a schema as JSON: reading one takes the engine's time from all turns. */
const LONGEST_GRAMMAR = 64 * 1024;

// What nobody asked for is off. The penalties look at the last tokens of the prompt too; it cannot be told not to.
const OFF = {
  ...{ mirostat: 0, typical_p: 1, dynatemp_range: 0, xtc_probability: 0, dry_multiplier: 0, top_n_sigma: -1 },
  ...{ repeat_last_n: 64, min_keep: 0, ignore_eos: false },
};

/** The body of `POST /v1/chat/completions`. Throws `AdapterError` `request_refused`. */
export function bodyOf(request: ChatRequest, limits: Limits): Record<string, unknown> {
  checkTogether(request);
  checkTools(request, limits);
  checkSizes(request);
  checkPatterns("response_format", request.response_format);
  checkPatterns("tools", request.tools);
  checkBias(request.logit_bias, limits.vocab_size);
  request.messages.forEach(checkImages);
  const { top_p, top_k, min_p, repeat_penalty, grammar, logprobs } = request;
  return {
    // It looks for stop strings in bytes, and at the end of an answer keeps what only began as one: answer.ts does it instead.
    ...chatBody({ ...request, ...chosenTools(request), stop: [] }, "model"),
    ...{ top_k, min_p, repeat_penalty, ...OFF, ...samplersOf(request) },
    // top_p 0 keeps the likeliest token alone, which is what greedy is.
    temperature: top_p === 0 ? 0 : request.temperature,
    max_tokens: Math.min(request.max_tokens, limits.context_length),
    cache_prompt: !request.repeatable,
    return_progress: true,
    timings_per_token: request.stop.length > 0,
    ...(grammar !== undefined && { grammar }),
    // With none it would leave out the chosen tokens too: answer.ts cuts it down again.
    ...(logprobs && { top_logprobs: Math.max(1, logprobs.top) }),
  };
}

/** It knows no named tool: that one alone, and it has to be called. Without tools it is told of none. */
function chosenTools({ tools, tool_choice }: ChatRequest): Pick<ChatRequest, "tools" | "tool_choice"> {
  if (tools === undefined || tool_choice === "none") return { tools: undefined, tool_choice: undefined } as object;
  if (typeof tool_choice !== "object") return {};
  const only = tools.filter((tool) => tool.function.name === tool_choice.name);
  if (only.length === 0) {
    throw refused("tool_choice.function.name", `"tool_choice" names "${tool_choice.name}", which is none of "tools".`);
  }
  return { tools: only, tool_choice: "required" };
}

/** Two constraints on one answer: the engine would honour one of them in silence. */
function checkTogether({ tools, tool_choice, grammar, response_format, logprobs }: ChatRequest): void {
  const asked = {
    tools: tools !== undefined && tool_choice !== "none",
    grammar: grammar !== undefined,
    response_format: response_format !== undefined,
    logprobs: logprobs !== undefined,
  };
  for (const [one, other] of [
    ["grammar", "response_format"],
    ["grammar", "tools"],
    ["response_format", "tools"],
    ["logprobs", "tools"],
  ] as const) {
    if (asked[one] && asked[other]) throw refused(one, `This engine cannot honour "${one}" together with "${other}".`);
  }
}

function checkTools({ tools, tool_choice }: ChatRequest, { knows_tools }: Limits): void {
  if (tools === undefined || tool_choice === "none" || knows_tools) return;
  throw refused("tools", "The chat template of this model knows no tools: take a model that was made for them.");
}

function checkSizes({ grammar, response_format, tools }: ChatRequest): void {
  const schemas = { grammar, response_format: JSON.stringify(response_format), tools: JSON.stringify(tools) };
  for (const [name, text = ""] of Object.entries(schemas)) {
    if (text.length > LONGEST_GRAMMAR) throw refused(name, `"${name}" has more than ${LONGEST_GRAMMAR} characters.`);
  }
  // A language that only some builds know; the others end the process.
  if (grammar?.startsWith("%llguidance")) throw refused("grammar", `"grammar" is not in GBNF.`);
  if (grammar?.trim() === "") throw refused("grammar", `"grammar" is empty.`);
}

/** Where it cannot read a regular expression of a schema, it takes any string. */
function checkPatterns(param: string, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "pattern" && typeof inner === "string" && !isReadable(inner)) {
      throw refused(
        param,
        `The pattern ${JSON.stringify(inner.slice(0, 100))} cannot be honoured: it has to begin with ^ and end with $, and may hold plain groups, classes and counts alone.`,
      );
    }
    checkPatterns(param, inner);
  }
}

function isReadable(pattern: string): boolean {
  const classless = pattern.replaceAll(/\[(?:\\.|[^\]\\])*\]/g, "x").replaceAll("(?:", "(");
  return /^\^(?:\\[^a-zA-Z0-9]|\\[dwsDWSnrt]|[^\\^$])*\$$/.test(classless) && !classless.includes("(?");
}

function checkBias(bias: ChatRequest["logit_bias"], vocab_size: number): void {
  for (const id of Object.keys(bias ?? {})) {
    if (!/^\d+$/.test(id) || Number(id) >= vocab_size) {
      const message = `"logit_bias" names the token ${id.slice(0, 40)}, and the model has the tokens 0 to ${vocab_size - 1}.`;
      throw refused("logit_bias", message);
    }
  }
}

/** It would fetch an address, and take other texts for bytes. */
function checkImages({ content }: ChatMessage, i: number): void {
  if (typeof content === "string") return;
  for (const [j, part] of content.entries()) {
    if (part.type === "image_url" && !part.image_url.url.startsWith("data:image/")) {
      throw refused(`messages[${i}].content[${j}].image_url.url`, `An image is no "data:" URL.`);
    }
  }
}

function samplersOf({ samplers }: ChatRequest): Record<string, unknown> {
  const read = v.safeParse(Samplers, samplers ?? {});
  if (read.success) return read.output;
  const [issue] = read.issues;
  const name = String(issue.path?.[0].key ?? "samplers");
  throw refused(name, `"${v.getDotPath(issue) ?? name}": ${issue.message}.`);
}

function refused(param: string, message: string): AdapterError {
  return new AdapterError("request_refused", message, { param });
}
