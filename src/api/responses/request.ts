// The body of a response, and the chat that it asks for.
import * as v from "valibot";
import { invalidValue } from "../../http/errors.ts";
import { isFilled, type JsonObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { droppedFields, type KeptFields } from "../generation/dropped-fields.ts";
import { NewMetadata } from "../metadata.ts";
import { anyObject, looseObject, withExample } from "../objects.ts";
import { promptName, readTools, SentTool, type CallableTool } from "./callable-tools.ts";
import { readHistory, type ChatHistory } from "./chat-history.ts";
import { InputItem } from "./input-items.ts";
import { INSTEAD, PARAMETERS } from "./parameters.ts";

const MOST_ITEMS = 10_000;

const Format = withExample(looseObject({ type: v.string(), name: v.nullish(v.string()), schema: v.nullish(anyObject) }), {
  type: "json_schema",
  name: "city",
  schema: { type: "object" },
});
const INPUT = [{ role: "user", content: "Hello" }] as const;
const CHOICE = { type: "function", name: "get_weather" } as const;

export const ResponseBody = looseObject({
  model: v.nullish(v.pipe(v.string(), v.minLength(1))),
  input: v.nullish(
    v.union([v.string(), withExample(v.pipe(v.array(InputItem), v.maxLength(MOST_ITEMS)), [...INPUT] as never)]),
    "",
  ),
  instructions: v.nullish(v.string()),
  max_output_tokens: v.nullish(v.number()),
  max_tool_calls: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  metadata: NewMetadata,
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(looseObject({})),
  text: v.nullish(looseObject({ format: v.nullish(Format), verbosity: v.nullish(v.picklist(["low", "medium", "high"])) })),
  reasoning: v.nullish(looseObject({ effort: v.nullish(v.string()), summary: v.nullish(v.string()) })),
  tools: v.nullish(v.array(SentTool)),
  tool_choice: v.nullish(
    v.union([
      v.picklist(["none", "auto", "required"]),
      withExample(
        looseObject({
          type: v.string(),
          name: v.nullish(v.string()),
          namespace: v.nullish(v.string()),
          mode: v.nullish(v.picklist(["auto", "required"])),
          tools: v.nullish(
            v.array(looseObject({ type: v.string(), name: v.nullish(v.string()), namespace: v.nullish(v.string()) })),
          ),
        }),
        CHOICE,
      ),
    ]),
  ),
  parallel_tool_calls: v.nullish(v.boolean()),
  top_logprobs: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(20))),
  include: v.nullish(v.array(v.string())),
  truncation: v.nullish(v.picklist(["auto", "disabled"])),
});
export type ResponseBody = v.InferOutput<typeof ResponseBody>;
type ToolChoice = Exclude<ResponseBody["tool_choice"], string | null | undefined>;

/** Fields that a chat has not, or by another name. */
const OWN = new Set([
  ...["input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "text", "reasoning", "tools", "tool_choice"],
  ...["parallel_tool_calls", "top_logprobs", "include", "truncation"],
]);

const LOGPROBS = "message.output_text.logprobs";
/** What of it can be had here; the others are of calls that no server runs here, or of items that are kept. */
const INCLUDED = new Set([LOGPROBS, "message.input_image.image_url"]);
const OF_SERVER = /^(file_search_call|web_search_call|computer_call_output|code_interpreter_call)\./;

export interface ResponseChat {
  /** The body of the chat, as it could have been sent. */
  body: JsonObject;
  /** Those that the model is told of. */
  tools: CallableTool[];
  /** The paths of what is passed over. */
  ignored: string[];
  /** The path in the response's body of one in the chat's. */
  clientPath: (path: string) => string;
}

/** Throws 400 for what cannot be honoured. */
export function toChatBody(sent: ResponseBody, unparsed: JsonObject): ResponseChat {
  refuseParameters(sent);
  const { input, instructions, text, reasoning, include } = sent;
  const whole = typeof input === "string";
  const history = readHistory(whole ? [{ type: "message", role: "user", content: input }] : input, "input");
  const named = readTools(sent.tools ?? [], "tools");
  const tools = offeredTools(named.tools, history.tools, sent.tools ?? []);
  const format = history.format?.value ?? text?.format ?? undefined;
  const effort = history.effort?.value ?? reasoning?.effort;
  const messages = [...(instructions ? [{ role: "system", content: instructions }] : []), ...history.messages];
  const wants_logprobs = include?.includes(LOGPROBS) || (sent.top_logprobs ?? 0) > 0;
  const body: JsonObject = {
    ...Object.fromEntries(Object.entries(sent).filter(([name]) => !OWN.has(name))),
    messages,
    ...(history.messages.at(-1)?.role === "assistant" && { continue_final_message: false }),
    ...(sent.max_output_tokens != null && { max_completion_tokens: sent.max_output_tokens }),
    ...(format !== undefined && { response_format: toChatFormat(format) }),
    ...(isFilled({ ...reasoning, effort }) && { reasoning: { ...reasoning, effort } }),
    ...(tools.length > 0 && { tools: tools.map((tool) => ({ type: "function", function: tool.function })) }),
    ...(sent.tool_choice != null && { tool_choice: toChatChoice(sent.tool_choice, tools) }),
    ...(sent.parallel_tool_calls != null && tools.length > 0 && { parallel_tool_calls: sent.parallel_tool_calls }),
    ...(wants_logprobs && { logprobs: true, ...(sent.top_logprobs != null && { top_logprobs: sent.top_logprobs }) }),
  };
  const places = { history, tools, whole, has_instructions: Boolean(instructions) };
  return {
    body,
    tools,
    ignored: [
      ...named.ignored,
      ...history.ignored,
      ...droppedFields("input", unparsed.input, ITEM),
      ...(text?.verbosity != null && text.verbosity !== "medium" ? ["text.verbosity"] : []),
      ...(include ?? []).flatMap((name, at) => (INCLUDED.has(name) || OF_SERVER.test(name) ? [] : [`include[${at}]`])),
    ],
    clientPath: (path) => clientPath(path, places),
  };
}

/** Fields of items that are read, or that say nothing to a model. */
const KEPT: KeptFields = Object.fromEntries(
  (
    "type role id status phase call_id name namespace arguments output input action operation environment execution tools text " +
    "encrypted_content caller created_by annotations logprobs refusal image_url detail async max_output_length server_label summary " +
    "internal_chat_message_metadata_passthrough"
  )
    .split(" ")
    .map((field) => [field, true]),
);
const ITEM: KeptFields = { ...KEPT, content: KEPT, reasoning: { effort: true } };

function refuseParameters(sent: JsonObject): void {
  for (const [name, value] of Object.entries(sent)) {
    const known = PARAMETERS.get(name);
    if (value == null || known?.treatment.type !== "refused" || known.nothing.includes(value, sent)) continue;
    const remedy = INSTEAD[name] ?? "Leave it out.";
    throw invalidValue(`${quote(name)} cannot be honoured here. ${remedy}`, name, "unsupported_parameter");
  }
}

/** Tools that wait to be found are told once they were; where nothing can be searched for, all are. */
function offeredTools(named: CallableTool[], found: CallableTool[], sent: NonNullable<ResponseBody["tools"]>): CallableTool[] {
  const waits = new Set(
    named.some(({ type }) => type === "tool_search")
      ? sent.flatMap((tool, at) => deferredPaths(tool as JsonObject, `tools[${at}]`))
      : [],
  );
  const told = named.filter(({ path }) => !waits.has(path));
  const names = new Set(told.map((tool) => tool.function.name));
  // One that was found may be found again.
  const more = found.filter(({ function: { name } }) => !names.has(name) && names.add(name));
  return [...told, ...more];
}

function deferredPaths(tool: JsonObject, path: string): string[] {
  if (tool.type === "namespace" && Array.isArray(tool.tools))
    return tool.tools.flatMap((inner, at) => deferredPaths(inner as JsonObject, `${path}.tools[${at}]`));
  return tool.defer_loading === true ? [path] : [];
}

function toChatFormat({ type, name, description, schema, strict, ...rest }: JsonObject): object {
  if (type !== "json_schema") return { type, ...(schema != null && { schema }), ...rest };
  return { type, json_schema: { name: name ?? "schema", description, schema, strict } };
}

/** Throws 400 for a tool that a server would have to run. */
function toChatChoice(choice: "none" | "auto" | "required" | ToolChoice, tools: CallableTool[]): unknown {
  if (typeof choice === "string") return choice;
  if (choice.type === "allowed_tools") {
    const allowed = (choice.tools ?? []).map((tool, at) => named(tool, tools, `tool_choice.tools[${at}]`));
    return { type: "allowed_tools", allowed_tools: { mode: choice.mode ?? "auto", tools: allowed } };
  }
  return named(choice, tools, "tool_choice");
}

function named(
  { type, name, namespace }: Pick<ToolChoice, "type" | "name" | "namespace">,
  tools: CallableTool[],
  path: string,
): object {
  const is_named = type === "function" || type === "custom";
  const called = is_named && name != null ? promptName(name, namespace) : type;
  if (is_named || tools.some((tool) => tool.type === type)) return { type: "function", function: { name: called } };
  const message = `${quote(path)} asks for a tool of type ${quote(type)}, which is not among the tools that the client runs. Name one of them.`;
  throw invalidValue(message, path);
}

interface Places {
  history: ChatHistory;
  tools: CallableTool[];
  /** The input is a text. */
  whole: boolean;
  has_instructions: boolean;
}

const RENAMED: [pattern: RegExp, name: string][] = [
  [/^max_(completion_)?tokens\b/, "max_output_tokens"],
  [/^response_format\.json_schema\b/, "text.format"],
  [/^response_format\b/, "text.format"],
  [/^logprobs\b/, "include"],
  [/^tool_choice\.allowed_tools\b/, "tool_choice"],
];

function clientPath(path: string, { history, tools, whole, has_instructions }: Places): string {
  if (path === "messages" || (whole && path.startsWith("messages[")))
    return has_instructions && path.startsWith("messages[0]") ? "instructions" : "input";
  const tool = /^tools\[(\d+)\](?:\.function)?(.*)$/s.exec(path);
  if (tool !== null) {
    const { path: where = "tools", type } = tools[Number(tool[1])] ?? {};
    // The schema of the other types is ours.
    return type === "function" ? where + tool[2] : where;
  }
  const message = /^messages\[(\d+)\](?:\.(content|tool_calls)(?:\[(\d+)\])?)?(.*)$/s.exec(path);
  if (message !== null) {
    const [, index, field, at, rest = ""] = message;
    const number = Number(index) - (has_instructions ? 1 : 0);
    if (number < 0) return "instructions";
    const place = history.places[number];
    if (place === undefined) return "input";
    if (field === "tool_calls") return (place.calls[Number(at ?? 0)] ?? place.item) + rest.replace(/^\.function/, "");
    if (field === undefined) return place.item + rest;
    const part = at === undefined ? "" : `[${at}]`;
    return (
      (place.content ?? place.item) +
      part +
      rest.replace(/^\.image_url\.(url|detail)/, (_, name) => (name === "url" ? ".image_url" : ".detail"))
    );
  }
  const [pattern, name] = RENAMED.find(([pattern]) => pattern.test(path)) ?? [];
  const own = pattern === undefined ? path : path.replace(pattern, name!);
  if (own.startsWith("text.format") && history.format) return history.format.path + own.slice("text.format".length);
  if (own === "reasoning.effort" && history.effort) return history.effort.path;
  return own.replace(/^tool_choice(.*)\.function\.name$/, "tool_choice$1.name");
}
