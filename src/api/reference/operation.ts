// What the reference says of one operation of the API. Each resource has its own in its `reference.ts`; `operations.ts` lists them all.
import * as v from "valibot";

export type Method = "get" | "post" | "put" | "patch" | "delete";

export interface Operation {
  /** Unique among all. */
  id: string;
  method: Method;
  /** With the names of its parameters in braces: `/v1/threads/{thread_id}`. */
  path: string;
  tag: string;
  /** A few words, for a list. */
  summary: string;
  /** Markdown. */
  description?: string;
  /** The parameters of the query, as the handler parses them. */
  query?: v.ObjectSchema<v.ObjectEntries, undefined>;
  body?: BodyReference;
  answer: AnswerReference;
  /** Statuses and codes of its own, such as `404 thread_not_found`; those of every operation, and of every body, are added. */
  errors: readonly string[];
  /** It asks for no key. */
  is_open?: boolean;
}

interface BodyReference {
  schema: v.GenericSchema;
  /** Without a body it stands for `{}`. */
  optional?: boolean;
  examples: Record<string, object>;
}

/** What is answered with status 200. */
export interface AnswerReference {
  description: string;
  /** Of JSON, or of what `type` says. */
  schema?: v.GenericSchema;
  type?: string;
  example?: unknown;
  /** The answer may be, or is, a stream of server-sent events, each of whose data is one of these; absent: it never is. */
  events?: { schema: v.GenericSchema; example: string };
}

const READING = ["500 corrupted_entity", "500 storage_error", "503 storage_unavailable"];

/** Errors of operations that read records. */
export const READ_ERRORS: readonly string[] = READING;
/** Errors of those that change records. */
export const WRITE_ERRORS: readonly string[] = [...READING, "507 insufficient_storage"];
/** Errors of a page of a list. */
export const PAGE_ERRORS: readonly string[] = ["400 invalid_value"];
/** Errors of those that load a model. */
export const LOAD_ERRORS: readonly string[] = [
  ...["400 invalid_value", "404 model_not_found", "409 model_not_ready", "500 model_corrupted", "500 model_load_failed"],
  ...["502 engine_crashed", "502 upstream_error", "503 engine_unavailable", "503 insufficient_memory", "503 server_stopping"],
  "504 engine_timeout",
];
/** Errors of those that generate. */
export const GENERATION_ERRORS: readonly string[] = [
  ...LOAD_ERRORS,
  ...["400 context_length_exceeded", "400 messages_refused", "400 template_failed", "400 too_many_messages"],
  ...["400 unsupported_content", "400 unsupported_parameter", "400 unsupported_schema"],
  ...["429 queue_full", "429 upstream_busy", "500 generation_failed", "504 request_timeout"],
];

/** A field with what it means, in Markdown. */
export const described = <T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description));

export const Seconds = described(v.pipe(v.number(), v.integer()), "Whole seconds since 1970.");
export const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
export const Json = v.record(v.string(), v.unknown());
/** What may be null in OpenAI's dialect, and is then empty for clients of Jan's document. */
export const Nullable = v.nullable(v.string());

export const deletedAnswer = (object: string): AnswerReference => ({
  description: "It is deleted.",
  schema: v.object({ id: v.string(), object: v.literal(object), deleted: v.literal(true) }),
});

/** A list object, as OpenAI has it. */
export const listOf = <T extends v.GenericSchema>(schema: T) =>
  v.object({
    object: v.literal("list"),
    data: v.array(schema),
    first_id: described(v.nullable(v.string()), "Null in an empty list."),
    last_id: v.nullable(v.string()),
    has_more: v.boolean(),
  });
