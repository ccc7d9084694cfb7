// /v1/threads/{thread_id}/messages. A message is written once; only its metadata changes.
import { Hono, type Context } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { noMessage, noThread } from "../../http/not-found.ts";
import { PageQuery } from "../../http/paging.ts";
import type { UnsavedMessage } from "../../storage/conversations.ts";
import type { Message } from "../../storage/entities.ts";
import { parseBody, parseQuery } from "../../http/validate.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { adaptNulls } from "../dialect.ts";
import { mergeMetadata, MetadataChange, NewMetadata } from "../metadata.ts";

const Text = v.pipe(v.string(), v.nonEmpty());

const Part = v.pipe(
  v.looseObject({ type: v.string(), text: v.optional(v.unknown()) }),
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
export const NewMessage = v.object({
  role: v.picklist(["user", "assistant"]),
  content: v.union([
    v.pipe(
      Text,
      v.transform((text) => [text]),
    ),
    v.pipe(v.array(Part), v.nonEmpty()),
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

const MessageChange = v.object({ metadata: MetadataChange });

export const messageRoutes = (deps: Deps) => {
  const { store } = deps;
  const { conversations } = store;
  const changeMessage = async (c: Context<AppEnv>) => {
    const { metadata } = await parseBody(c, MessageChange);
    const [thread_id, id] = pathIds(c);
    const changed = await conversations.patchMessage(thread_id, id, (message) => ({
      ...message,
      metadata: mergeMetadata(message.metadata, metadata),
    }));
    if (changed === undefined) throw noMessage(id);
    return json(c, toWireMessage(c, changed));
  };
  return new Hono<AppEnv>()
    .get("/:thread_id/messages", async function listMessages(c) {
      const page = parseQuery(c, PageQuery);
      const [thread_id] = pathIds(c);
      if ((await store.threads.get(thread_id)) === undefined) throw noThread(thread_id);
      const list = await store.messages(thread_id).list(page);
      return json(c, { ...list, data: list.data.map((message) => toWireMessage(c, message)) });
    })
    .post("/:thread_id/messages", async function createMessage(c) {
      const request = await parseBody(c, NewMessage);
      const message = await conversations.addMessage(pathIds(c)[0], ({ assistants }) =>
        newMessageRecord(request, deps.now(), assistants[0]?.assistant_id),
      );
      return json(c, toWireMessage(c, message));
    })
    .get("/:thread_id/messages/:message_id", async function getMessage(c) {
      const [thread_id, id] = pathIds(c);
      if ((await store.threads.get(thread_id)) === undefined) throw noThread(thread_id);
      const message = await store.messages(thread_id).get(id);
      if (message === undefined) throw noMessage(id);
      return json(c, toWireMessage(c, message));
    })
    .patch("/:thread_id/messages/:message_id", changeMessage)
    .post("/:thread_id/messages/:message_id", changeMessage)
    .delete("/:thread_id/messages/:message_id", async function deleteMessage(c) {
      const [thread_id, id] = pathIds(c);
      if (!(await conversations.removeMessage(thread_id, id))) throw noMessage(id);
      return json(c, { id, object: "thread.message.deleted", deleted: true });
    });
};

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

function toWireMessage(c: Context, message: Message) {
  const { id, object, created_at, thread_id, role, content, file_ids, assistant_id, run_id, metadata, status, completed_at } =
    message;
  return adaptNulls(
    c,
    { id, object, created_at, thread_id, role, content, file_ids, assistant_id, run_id, metadata, status, completed_at },
    ["assistant_id", "run_id"],
  );
}

function pathIds(c: Context): [thread_id: string, message_id: string] {
  return [c.req.param("thread_id") ?? "", c.req.param("message_id") ?? ""];
}
