// The items of a response's input, as clients send them.
import * as v from "valibot";
import { codedMessage } from "../../support/coded-message.ts";
import { isObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { anyObject, looseObject, record, variant, withExample } from "../objects.ts";
import { SentTool } from "./callable-tools.ts";

const Text = looseObject({
  type: v.picklist(["input_text", "output_text", "text", "summary_text", "reasoning_text"]),
  text: v.string(),
});
const Refusal = looseObject({ type: v.literal("refusal"), refusal: v.string() });
/** `image_url`: the chat's own schema looks at it. */
const Image = looseObject({
  type: v.picklist(["input_image", "computer_screenshot"]),
  image_url: v.pipe(
    v.nullish(v.string(), null),
    v.check(
      (url) => url !== null,
      codedMessage("unsupported_content", 'Files are not kept here. Send the image itself as "image_url", a data: URL.'),
    ),
  ),
  detail: v.nullish(v.string()),
});

const PART = { type: "input_text", text: "Hello" } as const;

const ItemPart = withExample(
  variant("type", [Text, Refusal, Image], ({ input, received }) =>
    typeof input === "string"
      ? codedMessage(
          "unsupported_content",
          "Only parts of type input_text, output_text, refusal and input_image can be read. Leave out the others.",
        )
      : received,
  ),
  PART,
);
export type ItemPart = v.InferOutput<typeof ItemPart>;

const ItemContent = v.union([v.string(), withExample(v.array(ItemPart), [PART])]);
export type ItemContent = v.InferOutput<typeof ItemContent>;

const Id = v.nullish(v.string());
const CallId = v.pipe(v.string(), v.minLength(1));
const Arguments = v.union([v.string(), record(v.string(), v.unknown())]);
/** The texts of a reasoning item. */
const Texts = v.nullish(v.array(looseObject({ type: v.string(), text: v.nullish(v.string()) })));
const TextList = v.array(v.string());

const ITEMS = [
  looseObject({
    type: v.literal("message"),
    role: v.picklist(["user", "assistant", "system", "developer"]),
    content: ItemContent,
  }),
  looseObject({ type: v.literal("reasoning"), id: Id, summary: Texts, content: Texts }),
  looseObject({
    ...{ type: v.literal("function_call"), id: Id, call_id: CallId },
    ...{ name: v.string(), namespace: v.nullish(v.string()), arguments: Arguments },
  }),
  looseObject({
    type: v.literal("function_call_output"),
    call_id: v.nullish(v.string()),
    name: v.nullish(v.string()),
    output: ItemContent,
  }),
  looseObject({
    ...{ type: v.literal("custom_tool_call"), id: Id, call_id: CallId },
    ...{ name: v.string(), namespace: v.nullish(v.string()), input: v.string() },
  }),
  looseObject({ type: v.literal("custom_tool_call_output"), call_id: CallId, output: ItemContent }),
  looseObject({
    ...{ type: v.literal("local_shell_call"), id: Id, call_id: CallId },
    action: looseObject({ command: TextList }),
  }),
  looseObject({ type: v.literal("local_shell_call_output"), id: CallId, output: v.string() }),
  looseObject({ type: v.literal("shell_call"), id: Id, call_id: CallId, action: looseObject({ commands: TextList }) }),
  looseObject({ type: v.literal("shell_call_output"), call_id: CallId, output: v.array(anyObject) }),
  looseObject({ type: v.literal("apply_patch_call"), id: Id, call_id: CallId, operation: anyObject }),
  looseObject({
    type: v.literal("apply_patch_call_output"),
    call_id: CallId,
    status: v.picklist(["completed", "failed"]),
    output: v.nullish(v.string()),
  }),
  looseObject({ type: v.literal("tool_search_call"), id: Id, call_id: v.nullish(v.string()), arguments: v.unknown() }),
  looseObject({ type: v.literal("tool_search_output"), call_id: v.nullish(v.string()), tools: v.array(SentTool) }),
  looseObject({ type: v.literal("additional_tools"), tools: v.array(SentTool) }),
  looseObject({
    ...{ type: v.literal("mcp_call"), id: CallId, name: v.string(), arguments: Arguments },
    output: v.nullish(v.string()),
  }),
  looseObject({
    type: v.literal("configuration_update"),
    reasoning: v.nullish(looseObject({ effort: v.nullish(v.string()) })),
    text: v.nullish(looseObject({ format: anyObject })),
  }),
  looseObject({ type: v.literal("item_reference"), id: v.string() }),
  looseObject({ type: v.literal("compaction"), encrypted_content: v.string() }),
  /** What a server would have done, of which no model here can make anything. */
  looseObject({
    type: v.picklist([
      ...(["web_search_call", "file_search_call", "computer_call", "computer_call_output", "image_generation_call"] as const),
      ...(["code_interpreter_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"] as const),
      ...(["program", "program_output"] as const),
    ]),
  }),
] as const;

const MESSAGE = { type: "message", role: "user", content: "Hello" } as const;

const KnownItem = variant("type", [...ITEMS], ({ input, received }) =>
  typeof input === "string"
    ? codedMessage("invalid_value", `There is no type ${quote(input)} of items. Send messages, calls and their outputs.`)
    : received,
);
export type InputItem = v.InferOutput<typeof KnownItem>;

/** OpenAI lets a message and a reference go without their type. */
function withType(item: unknown): unknown {
  if (!isObject(item) || item.type != null) return item;
  if (item.role !== undefined) return { ...item, type: "message" };
  return typeof item.id === "string" ? { ...item, type: "item_reference" } : item;
}

export const InputItem = withExample(
  v.pipe(v.unknown(), v.transform(withType), KnownItem) as unknown as typeof KnownItem,
  MESSAGE,
);
