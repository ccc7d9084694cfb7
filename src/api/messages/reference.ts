// What the reference says of messages.
import * as v from "valibot";
import { PageQuery } from "../../http/paging.ts";
import { Message } from "../../storage/entities.ts";
import {
  deletedAnswer,
  described,
  listOf,
  Nullable,
  PAGE_ERRORS,
  READ_ERRORS,
  Seconds,
  WRITE_ERRORS,
  type Operation,
} from "../reference/operation.ts";
import { MessageChange, NewMessage } from "./schema.ts";

const { id, object, created_at, thread_id, role, content, file_ids, metadata, status, completed_at } = Message.entries;

export const MessageObject = v.object({
  ...{ id, object, created_at, thread_id, role, content, file_ids },
  assistant_id: described(Nullable, "Empty for null, but with `OpenAI-Beta`."),
  run_id: Nullable,
  ...{ metadata, status, completed_at },
  attachments: described(v.optional(v.array(v.unknown())), "With `OpenAI-Beta` alone, and empty, as the next two are null."),
  incomplete_details: v.optional(v.null()),
  incomplete_at: v.optional(v.null()),
});

export const MessageFile = v.object({
  id: v.string(),
  object: v.literal("thread.message.file"),
  created_at: Seconds,
  message_id: v.string(),
});

const EXAMPLE = {
  ...{ id: "msg_01jd4rfm6x8c0jt5n3v1w9k2py", object: "thread.message", created_at: 1_795_370_793 },
  ...{ thread_id: "thread_01jd4rfm6w0h6ftx2qk4w8j3vz", role: "user" },
  content: [{ type: "text", text: { value: "Where is it warm in March?", annotations: [] } }],
  ...{ file_ids: [], assistant_id: "", run_id: "", metadata: {}, status: "completed", completed_at: 1_795_370_793 },
};

const TAG = "Messages";
const ONE = "/v1/threads/{thread_id}/messages/{message_id}";
const missing = ["404 thread_not_found", "404 message_not_found"];
const change = {
  ...{ path: ONE, tag: TAG, summary: "Change the metadata of a message" },
  body: { schema: MessageChange, examples: { metadata: { metadata: { liked: "yes" } } } },
  answer: { description: "The message.", schema: MessageObject, example: { ...EXAMPLE, metadata: { liked: "yes" } } },
  errors: [...missing, ...WRITE_ERRORS],
};

export const messageOperations: Operation[] = [
  {
    ...{
      id: "listMessages",
      method: "get",
      path: "/v1/threads/{thread_id}/messages",
      tag: TAG,
      summary: "List the messages of a thread",
    },
    query: PageQuery,
    answer: {
      description: "A page of the messages.",
      schema: listOf(MessageObject),
      example: { object: "list", data: [EXAMPLE], first_id: EXAMPLE.id, last_id: EXAMPLE.id, has_more: false },
    },
    errors: [...PAGE_ERRORS, "404 thread_not_found", ...READ_ERRORS],
  },
  {
    ...{
      id: "createMessage",
      method: "post",
      path: "/v1/threads/{thread_id}/messages",
      tag: TAG,
      summary: "Add a message to a thread",
    },
    description: "It is written once: only its metadata changes afterwards.",
    body: { schema: NewMessage, examples: { user: { role: "user", content: "Where is it warm in March?" } } },
    answer: { description: "The message.", schema: MessageObject, example: EXAMPLE },
    errors: ["400 unsupported_content", "400 unsupported_parameter", "404 thread_not_found", ...WRITE_ERRORS],
  },
  {
    ...{ id: "getMessage", method: "get", path: ONE, tag: TAG, summary: "Read a message" },
    answer: { description: "The message.", schema: MessageObject, example: EXAMPLE },
    errors: [...missing, ...READ_ERRORS],
  },
  { id: "changeMessage", method: "patch", ...change },
  { id: "changeMessageByPost", method: "post", ...change },
  {
    ...{ id: "deleteMessage", method: "delete", path: ONE, tag: TAG, summary: "Delete a message" },
    answer: deletedAnswer("thread.message.deleted"),
    errors: [...missing, ...WRITE_ERRORS],
  },
  {
    ...{ id: "listMessageFiles", method: "get", path: `${ONE}/files`, tag: TAG, summary: "List the files of a message" },
    answer: { description: "The files.", schema: v.object({ object: v.literal("list"), data: v.array(MessageFile) }) },
    errors: [...missing, ...READ_ERRORS],
  },
  {
    ...{ id: "getMessageFile", method: "get", path: `${ONE}/files/{file_id}`, tag: TAG, summary: "Read a file of a message" },
    answer: { description: "The file.", schema: MessageFile },
    errors: [...missing, "404 file_not_found", ...READ_ERRORS],
  },
];
