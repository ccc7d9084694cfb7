// What /v1/threads/{thread_id}/messages answers. A message is written once; only its metadata changes.
import type { Context } from "hono";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { noMessage, noMessageFile, noThread } from "../../http/not-found.ts";
import { answerList } from "../../http/list.ts";
import { PageQuery, pageRecords } from "../../http/paging.ts";
import { parseBody, parseQuery } from "../../http/validate.ts";
import { mergeMetadata } from "../metadata.ts";
import { MessageChange, NewMessage, newMessageRecord } from "./schema.ts";
import { toWireMessage, toWireMessageFile } from "./wire-form.ts";

export const messageHandlers = (deps: Deps) => {
  const { store } = deps;
  const { conversations } = store;
  const readMessage = async (c: Context<AppEnv>) => {
    const [thread_id, id] = pathIds(c);
    if ((await store.threads.get(thread_id)) === undefined) throw noThread(thread_id);
    const message = await store.messages(thread_id).get(id);
    if (message === undefined) throw noMessage(id);
    return message;
  };
  return {
    async listMessages(c) {
      const page = parseQuery(c, PageQuery);
      const [thread_id] = pathIds(c);
      if ((await store.threads.get(thread_id)) === undefined) throw noThread(thread_id);
      const messages = store.messages(thread_id);
      return answerList(c, pageRecords(await messages.ids(), page, messages.getMany), {
        toWire: (message) => toWireMessage(c, message),
        onError: deps.onError,
      });
    },
    async createMessage(c) {
      const request = await parseBody(c, NewMessage);
      const message = await conversations.addMessage(pathIds(c)[0], ({ assistants }) =>
        newMessageRecord(request, deps.now(), assistants[0]?.assistant_id),
      );
      return json(c, toWireMessage(c, message));
    },
    async getMessage(c) {
      return json(c, toWireMessage(c, await readMessage(c)));
    },
    async listMessageFiles(c) {
      const message = await readMessage(c);
      return json(c, { object: "list", data: message.file_ids.map((id) => toWireMessageFile(message, id)) });
    },
    async getMessageFile(c) {
      const message = await readMessage(c);
      const id = c.req.param("file_id") ?? "";
      if (!message.file_ids.includes(id)) throw noMessageFile(id);
      return json(c, toWireMessageFile(message, id));
    },
    async changeMessage(c) {
      const { metadata } = await parseBody(c, MessageChange);
      const [thread_id, id] = pathIds(c);
      const changed = await conversations.patchMessage(thread_id, id, (message) => ({
        ...message,
        metadata: mergeMetadata(message.metadata, metadata),
      }));
      if (changed === undefined) throw noMessage(id);
      return json(c, toWireMessage(c, changed));
    },
    async deleteMessage(c) {
      const [thread_id, id] = pathIds(c);
      if (!(await conversations.removeMessage(thread_id, id))) throw noMessage(id);
      return json(c, { id, object: "thread.message.deleted", deleted: true });
    },
  } satisfies Handlers;
};

function pathIds(c: Context): [thread_id: string, message_id: string] {
  return [c.req.param("thread_id") ?? "", c.req.param("message_id") ?? ""];
}
