// What the reference says of threads.
import * as v from "valibot";
import { PageQuery } from "../../http/paging.ts";
import { Thread, ThreadAssistant } from "../../storage/entities.ts";
import {
  deletedAnswer,
  described,
  Json,
  listOf,
  PAGE_ERRORS,
  READ_ERRORS,
  Seconds,
  WRITE_ERRORS,
  type Operation,
} from "../reference/operation.ts";
import { NewThread, ThreadChange } from "./schema.ts";

const { id, object, title, assistants, metadata } = Thread.entries;
const tool_resources = described(v.optional(Json), "With `OpenAI-Beta` alone, and empty.");

const FIELDS = { id, object, title, created: Seconds, created_at: Seconds, metadata, tool_resources };

export const ThreadObject = v.object({ ...FIELDS, assistants });

export const ThreadWithMessages = v.object({
  ...FIELDS,
  assistants: described(v.array(v.string()), "Ids of the assistants."),
  assistant_configs: described(v.array(ThreadAssistant), "The assistants, and what the thread says of them."),
  messages: described(v.array(v.string()), "Ids of all messages, the oldest first."),
});

export const EXAMPLE_THREAD = {
  ...{ id: "thread_01jd4rfm6w0h6ftx2qk4w8j3vz", object: "thread", title: "Holiday plans" },
  ...{ created: 1_795_370_792, created_at: 1_795_370_792 },
  assistants: [{ assistant_id: "jan", assistant_name: "Jan", instructions: "You are a helpful assistant." }],
  metadata: {},
};

const TAG = "Threads";
const change = {
  ...{ path: "/v1/threads/{thread_id}", tag: TAG },
  summary: "Change the title or the metadata of a thread",
  description: "Keys of `metadata` are merged into those that are there; null removes one.",
  body: { schema: ThreadChange, examples: { title: { title: "Winter plans", metadata: { colour: "blue", old: null } } } },
  answer: { description: "The thread.", schema: ThreadObject, example: { ...EXAMPLE_THREAD, title: "Winter plans" } },
  errors: ["400 unsupported_parameter", "404 thread_not_found", ...WRITE_ERRORS],
};

export const threadOperations: Operation[] = [
  {
    ...{ id: "listThreads", method: "get", path: "/v1/threads", tag: TAG, summary: "List threads" },
    description:
      "A bare array of all, the newest first. With `OpenAI-Beta`, or a parameter, it is one page in OpenAI's list object.",
    query: PageQuery,
    answer: {
      description: "The threads.",
      schema: v.union([v.array(ThreadObject), listOf(ThreadObject)]),
      example: [EXAMPLE_THREAD],
    },
    errors: [...PAGE_ERRORS, ...READ_ERRORS],
  },
  {
    ...{ id: "createThread", method: "post", path: "/v1/threads", tag: TAG, summary: "Create a thread" },
    body: {
      ...{ schema: NewThread, optional: true },
      examples: { thread: { title: "Holiday plans", messages: [{ role: "user", content: "Where is it warm in March?" }] } },
    },
    answer: { description: "The thread.", schema: ThreadObject, example: EXAMPLE_THREAD },
    errors: ["400 unsupported_content", "400 unsupported_parameter", "404 assistant_not_found", ...WRITE_ERRORS],
  },
  {
    ...{ id: "getThread", method: "get", path: "/v1/threads/{thread_id}", tag: TAG, summary: "Read a thread" },
    answer: {
      description: "The thread, with the ids of its messages.",
      schema: ThreadWithMessages,
      example: { ...EXAMPLE_THREAD, assistants: ["jan"], assistant_configs: EXAMPLE_THREAD.assistants, messages: [] },
    },
    errors: ["404 thread_not_found", ...READ_ERRORS],
  },
  { id: "changeThread", method: "patch", ...change },
  { id: "changeThreadByPost", method: "post", ...change },
  {
    ...{ id: "deleteThread", method: "delete", path: "/v1/threads/{thread_id}", tag: TAG, summary: "Delete a thread" },
    description: "Its messages go with it.",
    answer: deletedAnswer("thread.deleted"),
    errors: ["404 thread_not_found", ...WRITE_ERRORS],
  },
];
