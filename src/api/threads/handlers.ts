// What /v1/threads answers: conversations with their assistants.
import { isDeepStrictEqual } from "node:util";
import type { Context } from "hono";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { invalidValue, type ApiError } from "../../http/errors.ts";
import { noAssistant, noThread } from "../../http/not-found.ts";
import { answerArray, answerList } from "../../http/list.ts";
import { PageQuery, pageRecords, WHOLE } from "../../http/paging.ts";
import { BUILT_IN, type Thread } from "../../storage/entities.ts";
import { parseBody, parseQuery } from "../../http/validate.ts";
import { wantsPage } from "../dialect.ts";
import { newMessageRecord } from "../messages/schema.ts";
import { mergeMetadata } from "../metadata.ts";
import { fillAssistants } from "./assistants.ts";
import { NewThread, ThreadChange, type ThreadMembers } from "./schema.ts";
import { toWireThread, toWireThreadWithMessages } from "./wire-form.ts";

export const threadHandlers = (deps: Deps) => {
  const { store } = deps;
  const readThreads = async (ids: readonly string[]) => fillAssistants(store, await store.threads.getMany(ids));
  const answerThread = async (c: Context<AppEnv>, thread: Thread) => {
    const [filled] = await fillAssistants(store, [thread]);
    return json(c, toWireThread(c, filled!));
  };
  /** Throws 400 for assistants and messages that a change would drop in silence; those that the thread has pass, as it was answered. */
  const refuseOtherMembers = async ({ assistants, messages }: ThreadMembers, id: string): Promise<void> => {
    const thread = await store.threads.get(id);
    if (thread === undefined) throw noThread(id);
    const [filled] = await fillAssistants(store, [thread]);
    const ids = thread.assistants.map(({ assistant_id }) => assistant_id);
    const has = (given: unknown[], ...answers: (readonly unknown[])[]) =>
      answers.some((one) => isDeepStrictEqual(given, [...one]));
    if (messages?.length && !has(messages, await store.messages(id).ids()))
      throw unsupportedChange("messages", "POST /v1/threads/{thread_id}/messages adds one");
    if (assistants?.length && !has(assistants, ids, thread.assistants, filled!.assistants))
      throw unsupportedChange("assistants", "A new thread can have others");
  };
  const readThread = async (c: Context<AppEnv>, id: string) => {
    const thread = await store.threads.get(id);
    if (thread === undefined) throw noThread(id);
    return json(c, toWireThreadWithMessages(c, thread, await store.messages(id).ids()));
  };
  return {
    async listThreads(c) {
      const page = parseQuery(c, PageQuery);
      c.set("vary", "OpenAI-Beta");
      const answer = { toWire: (thread: Thread) => toWireThread(c, thread), onError: deps.onError };
      const ids = await store.threads.ids();
      if (!wantsPage(c, page)) return answerArray(c, pageRecords(ids, WHOLE, readThreads), answer);
      return answerList(c, pageRecords(ids, page, readThreads), answer);
    },
    async createThread(c) {
      const request = await parseBody(c, NewThread, { optional: true });
      await checkAssistants(deps, request.assistants);
      const now = deps.now();
      const [first] = request.assistants;
      const { thread } = await store.conversations.create(
        { object: "thread", title: request.title, created_at: now, assistants: request.assistants, metadata: request.metadata },
        request.messages?.map((message) => newMessageRecord(message, now, first?.assistant_id)),
      );
      return answerThread(c, thread);
    },
    getThread(c) {
      const id = threadIdOf(c);
      const [thread, ids] = [store.threads.getCached(id), store.messages(id).getCachedIds()];
      // A cached thread is answered without waiting: on Node that is 7 % of the processor time of `bench:store`, row `GET thread`.
      return thread !== undefined && ids !== undefined ? json(c, toWireThreadWithMessages(c, thread, ids)) : readThread(c, id);
    },
    async changeThread(c) {
      const { title, metadata, ...members } = await parseBody(c, ThreadChange);
      const id = threadIdOf(c);
      if (members.assistants?.length || members.messages?.length) await refuseOtherMembers(members, id);
      const changed = await store.threads.patch(id, (thread) => ({
        ...thread,
        title: title ?? thread.title,
        metadata: mergeMetadata(thread.metadata, metadata),
      }));
      if (changed === undefined) throw noThread(id);
      return answerThread(c, changed);
    },
    async deleteThread(c) {
      const id = threadIdOf(c);
      if (!(await store.conversations.remove(id))) throw noThread(id);
      return json(c, { id, object: "thread.deleted", deleted: true });
    },
  } satisfies Handlers;
};

const threadIdOf = (c: Context): string => c.req.param("thread_id") ?? "";

function unsupportedChange(name: string, remedy: string): ApiError {
  return invalidValue(`"${name}" of a thread cannot be changed. Leave it out. ${remedy}.`, name, "unsupported_parameter");
}

/** Throws 404 `assistant_not_found` for an assistant that does not exist. */
async function checkAssistants({ store }: Deps, assistants: Thread["assistants"]): Promise<void> {
  const found = new Set<string>([BUILT_IN]);
  for (const [i, { assistant_id }] of assistants.entries()) {
    if (found.has(assistant_id)) continue;
    if ((await store.assistants.get(assistant_id)) === undefined)
      throw noAssistant(assistant_id, `assistants[${i}].assistant_id`);
    found.add(assistant_id);
  }
}
