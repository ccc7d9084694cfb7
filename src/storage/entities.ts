// What the store keeps, as it stands on the disk: the wire's fields and names. Fields of a newer version survive a rewrite.
import * as v from "valibot";

const Seconds = v.pipe(v.number(), v.safeInteger());
const Json = v.record(v.string(), v.unknown());
const idOf = (prefix: "thread" | "msg" | "asst") => v.pipe(v.string(), v.startsWith(`${prefix}_`));

/** An assistant as a thread carries it: its id, and what the thread overrides of it. */
export const ThreadAssistant = v.looseObject({
  assistant_id: v.string(),
  assistant_name: v.optional(v.string()),
  instructions: v.optional(v.string()),
  model: v.optional(
    v.looseObject({
      id: v.optional(v.string()),
      settings: v.optional(Json),
      parameters: v.optional(Json),
      engine: v.optional(v.string()),
    }),
  ),
});
export type ThreadAssistant = v.InferOutput<typeof ThreadAssistant>;

export const Thread = v.looseObject({
  id: idOf("thread"),
  object: v.literal("thread"),
  title: v.string(),
  created_at: Seconds,
  assistants: v.array(ThreadAssistant),
  metadata: Json,
});
export type Thread = v.InferOutput<typeof Thread>;

const TextPart = v.looseObject({
  type: v.literal("text"),
  text: v.looseObject({ value: v.string(), annotations: v.array(v.unknown()) }),
});

export const Message = v.looseObject({
  id: idOf("msg"),
  object: v.literal("thread.message"),
  created_at: Seconds,
  thread_id: idOf("thread"),
  role: v.picklist(["user", "assistant"]),
  content: v.array(TextPart),
  file_ids: v.array(v.string()),
  assistant_id: v.nullable(v.string()),
  run_id: v.nullable(v.string()),
  metadata: Json,
  status: v.picklist(["completed", "incomplete", "in_progress"]),
  completed_at: v.nullable(Seconds),
});
export type Message = v.InferOutput<typeof Message>;

/** The assistant that is always there, changed or not. */
export const BUILT_IN = "jan";

export const Assistant = v.looseObject({
  id: v.union([v.literal(BUILT_IN), idOf("asst")]),
  object: v.literal("assistant"),
  /** From 1 on, one more at every change. */
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  created_at: Seconds,
  name: v.nullable(v.string()),
  description: v.nullable(v.string()),
  avatar: v.nullable(v.string()),
  models: v.array(v.looseObject({ model_id: v.string() })),
  instructions: v.nullable(v.string()),
  events: v.looseObject({ in: v.array(v.unknown()), out: v.array(v.unknown()) }),
  metadata: Json,
  tools: v.array(v.looseObject({ type: v.string() })),
  temperature: v.nullable(v.number()),
  top_p: v.nullable(v.number()),
  /** As the client sent it: a name, or an object with a type. Records of older versions lack this field and the next. */
  response_format: v.optional(v.nullable(v.union([v.string(), v.looseObject({ type: v.string() })]))),
  reasoning_effort: v.optional(v.nullable(v.string())),
});
export type Assistant = v.InferOutput<typeof Assistant>;
