// What the reference says of assistants.
import * as v from "valibot";
import { PageQuery } from "../../http/paging.ts";
import { Assistant } from "../../storage/entities.ts";
import {
  deletedAnswer,
  described,
  Json,
  listOf,
  Nullable,
  PAGE_ERRORS,
  READ_ERRORS,
  WRITE_ERRORS,
  type Operation,
} from "../reference/operation.ts";
import { PLAIN_PICTURE } from "../plain-picture.ts";
import { JAN } from "./built-in.ts";
import { AssistantChange, NewAssistant } from "./schema.ts";

const { id, object, version, created_at, models, metadata, tools, temperature, top_p } = Assistant.entries;
const Names = v.array(v.string());

export const AssistantObject = v.object({
  ...{ id, object, version, created_at },
  name: described(Nullable, "As the next two, empty for null, but with `OpenAI-Beta`."),
  description: Nullable,
  avatar: described(v.pipe(v.string(), v.url()), "An address, or the picture itself."),
  models,
  instructions: Nullable,
  events: v.object({ in: Names, out: Names }),
  metadata,
  model: described(v.string(), "The first of `models`; empty where there is none."),
  ...{ tools, temperature, top_p },
  response_format: described(v.unknown(), "As it was sent."),
  reasoning_effort: Nullable,
  tool_resources: described(v.optional(Json), "With `OpenAI-Beta` alone, and empty."),
});

const EXAMPLE = { ...JAN, avatar: PLAIN_PICTURE, model: "", response_format: null, reasoning_effort: null };

const TAG = "Assistants";
const ONE = "/v1/assistants/{assistant_id}";
const change = {
  ...{ path: ONE, tag: TAG, summary: "Change an assistant" },
  description: "Fields that are absent stay. The version grows by one.",
  body: { schema: AssistantChange, examples: { instructions: { instructions: "Answer in one sentence." } } },
  answer: { description: "The assistant.", schema: AssistantObject, example: { ...EXAMPLE, version: 2 } },
  errors: ["400 unsupported_parameter", "404 assistant_not_found", ...WRITE_ERRORS],
};

export const assistantOperations: Operation[] = [
  {
    ...{ id: "listAssistants", method: "get", path: "/v1/assistants", tag: TAG, summary: "List assistants" },
    description:
      "A bare array of all, the newest first. With `OpenAI-Beta`, or a parameter, it is one page in OpenAI's list object.",
    query: PageQuery,
    answer: {
      description: "The assistants. `jan` is built in.",
      schema: v.union([v.array(AssistantObject), listOf(AssistantObject)]),
      example: [EXAMPLE],
    },
    errors: [...PAGE_ERRORS, ...READ_ERRORS],
  },
  {
    ...{ id: "createAssistant", method: "post", path: "/v1/assistants", tag: TAG, summary: "Create an assistant" },
    body: {
      schema: NewAssistant,
      examples: { tutor: { name: "Tutor", instructions: "Explain, and ask back.", model: "qwen3-4b" } },
    },
    answer: { description: "The assistant.", schema: AssistantObject },
    errors: ["400 unsupported_parameter", ...WRITE_ERRORS],
  },
  {
    ...{ id: "getAssistant", method: "get", path: ONE, tag: TAG, summary: "Read an assistant" },
    answer: { description: "The assistant.", schema: AssistantObject, example: EXAMPLE },
    errors: ["404 assistant_not_found", ...READ_ERRORS],
  },
  { id: "changeAssistant", method: "patch", ...change },
  { id: "changeAssistantByPost", method: "post", ...change },
  {
    ...{ id: "deleteAssistant", method: "delete", path: ONE, tag: TAG, summary: "Delete an assistant" },
    description: "`jan` cannot be deleted.",
    answer: deletedAnswer("assistant.deleted"),
    errors: ["404 assistant_not_found", "409 assistant_built_in", ...WRITE_ERRORS],
  },
];
