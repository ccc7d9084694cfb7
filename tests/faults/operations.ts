// The changes that are made to fail: the request, and what has to be on the disk once it is acknowledged.
import { encodeTime } from "ulid";

/** What the files of a data folder hold, by their paths in it. */
export type Records = Record<string, unknown>;

export interface Request {
  method: string;
  path: string;
  body?: object;
}

export interface Operation {
  name: string;
  /** The first change that a server makes in an empty folder; before the others there are a thread and its two messages. */
  first?: boolean;
  request(ids: Ids): Request;
  /** From the records that were there to those that have to be there. */
  change(records: Records, ids: Ids): Records;
}

/** Of the thread and the messages that are there, and of what the request makes: by these names stand they in a `Call`'s path. */
export interface Ids {
  thread: string;
  message: string;
  other_message: string;
  new_thread: string;
  new_message: string;
  new_messages: [string, string];
  new_assistant: string;
  created_at: number;
}

export const MESSAGES = ["first", "second"].map((content) => ({ role: "user", content }));
export const SETUP: Request = { method: "POST", path: "/threads", body: { title: "old", messages: MESSAGES } };

/**
 * The ids that a server issues whose clock stands at `before` and then at `now`, and whose dice show nothing; `before_them` others
 * come first in each request.
 */
export function idsAt(before: number, now: number, before_them: number): Ids {
  const id = (prefix: string, at: number, n: number): string =>
    `${prefix}_${encodeTime(at, 10).toLowerCase()}${"0".repeat(15)}${before_them + n}`;
  return {
    thread: id("thread", before, 0),
    message: id("msg", before, 1),
    other_message: id("msg", before, 2),
    new_thread: id("thread", now, 0),
    new_message: id("msg", now, 0),
    new_messages: [id("msg", now, 1), id("msg", now, 2)],
    new_assistant: id("asst", now, 0),
    created_at: Math.floor(now / 1000),
  };
}

const threadAt = (id: string): string => `threads/${id}.json`;
const messageAt = (thread_id: string, id: string): string => `messages/${thread_id}/${id}.json`;

/** In this order: where two make the same call, the first one's is made to fail. */
export const OPERATIONS: Operation[] = [
  {
    name: "create an assistant",
    first: true,
    request: () => ({ method: "POST", path: "/assistants", body: { name: "new" } }),
    change: (records, { new_assistant: id, created_at }) => ({
      ...records,
      [`assistants/${id}.json`]: {
        ...{ id, object: "assistant", version: 1, created_at, name: "new", description: null, avatar: null, models: [] },
        ...{ instructions: null, events: { in: [], out: [] }, metadata: {}, tools: [], temperature: null, top_p: null },
      },
    }),
  },
  {
    name: "create a thread",
    request: () => ({ method: "POST", path: "/threads", body: { title: "new" } }),
    change: (records, ids) => ({ ...records, [threadAt(ids.new_thread)]: thread(ids.new_thread, ids.created_at) }),
  },
  {
    name: "create a thread with messages",
    request: () => ({ method: "POST", path: "/threads", body: { title: "new", messages: MESSAGES } }),
    change: (records, { new_thread, new_messages, created_at }) => ({
      ...records,
      [threadAt(new_thread)]: thread(new_thread, created_at),
      ...Object.fromEntries(
        new_messages.map((id, i) => [messageAt(new_thread, id), message(new_thread, id, MESSAGES[i]!.content, created_at)]),
      ),
    }),
  },
  {
    name: "add a message",
    request: ({ thread }) => ({ method: "POST", path: `/threads/${thread}/messages`, body: { role: "user", content: "new" } }),
    change: (records, { thread, new_message, created_at }) => ({
      ...records,
      [messageAt(thread, new_message)]: message(thread, new_message, "new", created_at),
    }),
  },
  {
    name: "change a thread",
    request: ({ thread }) => ({ method: "PATCH", path: `/threads/${thread}`, body: { title: "new" } }),
    change: (records, { thread }) => replaced(records, threadAt(thread), { title: "new" }),
  },
  {
    name: "change a message",
    request: ({ thread, message }) => ({
      ...{ method: "PATCH", path: `/threads/${thread}/messages/${message}` },
      body: { metadata: { new: "yes" } },
    }),
    change: (records, { thread, message }) => replaced(records, messageAt(thread, message), { metadata: { new: "yes" } }),
  },
  {
    name: "remove a message",
    request: ({ thread, message }) => ({ method: "DELETE", path: `/threads/${thread}/messages/${message}` }),
    change: (records, { thread, message }) => without(records, (path) => path === messageAt(thread, message)),
  },
  {
    name: "remove a thread",
    request: ({ thread }) => ({ method: "DELETE", path: `/threads/${thread}` }),
    change: (records, { thread }) => without(records, (path) => path.includes(thread)),
  },
];

function thread(id: string, created_at: number): object {
  return { id, object: "thread", title: "new", created_at, assistants: [{ assistant_id: "jan" }], metadata: {} };
}

function message(thread_id: string, id: string, value: string, created_at: number): object {
  return {
    ...{ id, thread_id, object: "thread.message", created_at, role: "user", file_ids: [], assistant_id: null, run_id: null },
    ...{ content: [{ type: "text", text: { value, annotations: [] } }], metadata: {} },
    ...{ status: "completed", completed_at: created_at },
  };
}

function replaced(records: Records, path: string, fields: object): Records {
  return { ...records, [path]: { ...(records[path] as object), ...fields } };
}

function without(records: Records, gone: (path: string) => boolean): Records {
  return Object.fromEntries(Object.entries(records).filter(([path]) => !gone(path)));
}
