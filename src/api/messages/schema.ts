// The bodies of POST and PATCH of messages, and the record that a new one becomes.
import * as v from "valibot";
import type { UnsavedMessage } from "../../storage/conversations.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { MetadataChange, NewMetadata } from "../metadata.ts";
import { looseObject, object, withExample } from "../objects.ts";

const Text = v.pipe(v.string(), v.nonEmpty());

const Part = v.pipe(
  looseObject({ type: v.string(), text: v.optional(v.unknown()) }),
  v.check(
    ({ type }) => type === "text",
    codedMessage("unsupported_content", "Only parts of type text can be kept. Leave out the others."),
  ),
  // OpenAI's requests have a string as `text`, its answers an object.
  v.transform(({ text }) => (typeof text === "object" && text !== null && "value" in text ? text.value : text)),
  v.string(codedMessage("invalid_type", `A part of type text needs a string as its "text".`)),
  v.nonEmpty(codedMessage("invalid_value", `A part of type text has an empty "text".`)),
);

/** The first messages of a new thread have this form too. */
export const NewMessage = object({
  role: v.picklist(["user", "assistant"]),
  content: v.union([
    v.pipe(
      Text,
      v.transform((text) => [text]),
    ),
    v.pipe(withExample(v.array(Part), [{ type: "text", text: "Hello" }]), v.nonEmpty()),
  ]),
  file_ids: v.nullish(v.array(v.string())),
  attachments: v.pipe(
    v.nullish(v.array(v.unknown())),
    v.check(
      (attachments) => !attachments?.length,
      codedMessage("unsupported_parameter", `"attachments" cannot be kept. Put the text into the message.`),
    ),
  ),
  metadata: NewMetadata,
});
type NewMessage = v.InferOutput<typeof NewMessage>;

export const MessageChange = object({ metadata: MetadataChange });

/** The record of a request's message; `assistant_id` is the thread's assistant, the author of assistant messages. */
export function newMessageRecord(request: NewMessage, now: number, assistant_id?: string): UnsavedMessage {
  return {
    object: "thread.message",
    created_at: now,
    role: request.role,
    content: request.content.map((value) => ({ type: "text", text: { value, annotations: [] } })),
    file_ids: request.file_ids ?? [],
    assistant_id: request.role === "assistant" ? (assistant_id ?? null) : null,
    run_id: null,
    metadata: request.metadata,
    status: "completed",
    completed_at: now,
  };
}
