// The messages of a chat request: their schema, and the parts of them that only some engines can take.
import * as v from "valibot";
import type { Capability, ChatMessage, ContentPart, ToolCall as Call } from "../../../adapters/adapter.ts";
import { invalidValue } from "../../http/errors.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { isHollow } from "../../support/json.ts";
import { object, record, variant, withExample } from "../objects.ts";

const Text = object({ type: v.literal("text"), text: v.string() });

/** What OpenAI's clients keep of an answer that refused: it is what was said. */
const Refusal = v.pipe(
  object({ type: v.literal("refusal"), refusal: v.string() }),
  v.transform(({ refusal }): ContentPart => ({ type: "text", text: refusal })),
);

const IMAGE_DATA = /^data:image\/(png|jpeg|jpg|webp|gif|bmp);base64,[A-Za-z0-9+/]+={0,2}$/;
const NO_ADDRESS = codedMessage(
  "unsupported_content",
  'An image must stand in the request itself, as "data:image/png;base64,…". No address is fetched.',
);
// No URL of a request is fetched: it could name a server inside the network (server-side request forgery).
export const ImageData = v.pipe(v.string(), v.regex(IMAGE_DATA, NO_ADDRESS));
const Image = v.pipe(
  object({
    type: v.literal("image_url"),
    image_url: object({ url: ImageData, detail: v.nullish(v.string()) }),
  }),
  v.transform(({ type, image_url: { url, detail } }): ContentPart => {
    const asks = detail != null && detail !== "auto";
    return { type, image_url: { url, ...(asks && { detail }) } };
  }),
);

const PART = { type: "text", text: "Hello" } as const;

const Part = withExample(
  variant("type", [Text, Refusal, Image], ({ input, received }) =>
    typeof input === "string"
      ? codedMessage("unsupported_content", "Only parts of type text and image_url can be read. Leave out the others.")
      : received,
  ),
  PART,
);

const Content = v.union([
  v.string(),
  v.pipe(
    withExample(v.array(Part), [PART]),
    v.transform((parts) => (parts.every(isText) ? parts.map(({ text }) => text).join("\n") : parts)),
  ),
]);

/**
 * Gateways write nothing for a call without arguments, and Ollama's clients the object itself. What is no JSON object is what a model wrote,
 * and goes on as it is.
 */
const CallArguments = v.pipe(
  v.nullish(v.union([v.string(), withExample(record(v.string(), v.unknown()), { city: "Oslo" })]), ""),
  v.transform((written) => (typeof written === "object" ? JSON.stringify(written) : written.trim() === "" ? "{}" : written)),
);

const ToolCall = object({
  /** Absent, it is empty: calls and their answers come in one order. */
  id: v.nullish(v.string(), ""),
  type: v.optional(v.literal("function"), "function"),
  function: object({ name: v.string(), arguments: CallArguments }),
});

/** A field that holds what the model would never see. */
function refusedUnlessHollow(message: string) {
  return v.optional(v.pipe(v.unknown(), v.check(isHollow, codedMessage("unsupported_content", message))));
}

const ROLES = { developer: "system", function: "tool" } as const;

export const Message = v.pipe(
  object({
    role: v.picklist(["system", "developer", "user", "assistant", "tool", "function"]),
    content: v.nullish(Content),
    name: v.nullish(v.string()),
    refusal: v.nullish(v.string()),
    reasoning_content: v.nullish(v.string()),
    /** As OpenRouter and vLLM name it. */
    reasoning: v.nullish(v.string()),
    /** As Ollama names it, and the name of the tool that answers; others may have other things by these names. */
    thinking: v.fallback(v.nullish(v.string()), undefined),
    tool_name: v.fallback(v.nullish(v.string()), undefined),
    images: refusedUnlessHollow('"images" of a message cannot be read. Send each as a part of its content, of type image_url.'),
    audio: refusedUnlessHollow('"audio" of a message cannot be kept: no answer here was spoken. Send its text.'),
    tool_calls: v.nullish(v.array(ToolCall)),
    tool_call_id: v.nullish(v.string()),
    /** What OpenAI had before `tool_calls`. */
    function_call: v.nullish(ToolCall.entries.function),
  }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): ChatMessage => {
    const { role } = value;
    const name = value.name || value.tool_name;
    const calls = callsOf(value);
    // An assistant that refused said that; one that only called, or said nothing, said no text.
    const content = (value.content || undefined) ?? (role === "assistant" ? (value.refusal ?? "") : value.content);
    // A tool may have nothing to say.
    const is_silent = value.content === null && (role === "tool" || role === "function");
    const reasoning = role === "assistant" && (value.reasoning_content || value.reasoning || value.thinking);
    const tool_call_id = value.tool_call_id || (role === "function" && name ? legacyCallId(name) : undefined);
    if (content == null && calls === undefined && !is_silent) {
      addIssue({
        message: codedMessage("missing_required_parameter", `"content" is missing. Add it to the message.`),
        path: [{ type: "object", origin: "value", input: value, key: "content", value: undefined }],
      });
      return NEVER;
    }
    const known = role === "developer" || role === "function" ? ROLES[role] : role;
    return {
      role: known,
      content: content ?? "",
      ...(calls && { tool_calls: calls }),
      ...(known === "tool" && tool_call_id && { tool_call_id }),
      ...(name && { name }),
      ...(reasoning && { reasoning_content: reasoning }),
    };
  }),
);

function callsOf({ tool_calls, function_call }: Calls): Call[] | undefined {
  if (tool_calls?.length) return tool_calls;
  return function_call ? [{ id: legacyCallId(function_call.name), type: "function", function: function_call }] : undefined;
}

interface Calls {
  tool_calls?: Call[] | null | undefined;
  function_call?: Call["function"] | null | undefined;
}

/** A call of a function and its answer had only the name in common. */
const legacyCallId = (name: string): string => `call_${name}`;

/** The paths of fields that only another server can honour: how closely it is to look at an image. */
export function imageDetails(messages: ChatMessage[]): string[] {
  return messages.flatMap(({ content }, i) =>
    typeof content === "string"
      ? []
      : content.flatMap((part, j) =>
          part.type === "image_url" && part.image_url.detail !== undefined
            ? [`messages[${i}].content[${j}].image_url.detail`]
            : [],
        ),
  );
}

/** Throws 400 for the first message with a part that the engine would drop. */
export function refuseUnsupportedMessages(messages: ChatMessage[], capabilities: readonly Capability[]): void {
  if (capabilities.includes("images")) return;
  const index = messages.findIndex(({ content }) => typeof content !== "string");
  if (index === -1) return;
  const message = "This model cannot see images: it reads text alone. Leave out the parts of other types.";
  throw invalidValue(message, `messages[${index}].content`, "unsupported_content");
}

function isText(part: ContentPart): part is Extract<ContentPart, { type: "text" }> {
  return part.type === "text";
}
