// The bodies of POST and PATCH /v1/threads.
import * as v from "valibot";
import { BUILT_IN } from "../../storage/entities.ts";
import { withoutNulls } from "../../support/json.ts";
import { NoToolResources } from "../assistants/schema.ts";
import { NewMessage } from "../messages/schema.ts";
import { MetadataChange, NewMetadata } from "../metadata.ts";
import { anyObject, object } from "../objects.ts";

const Title = v.pipe(v.string(), v.maxLength(10_240));
const Settings = v.nullish(anyObject);

const AssistantModel = v.pipe(
  object({
    id: v.nullish(v.string()),
    settings: Settings,
    parameters: Settings,
    engine: v.nullish(v.string()),
  }),
  v.transform(withoutNulls),
);

const ThreadAssistant = v.pipe(
  object({
    assistant_id: v.nullish(v.string(), BUILT_IN),
    assistant_name: v.nullish(v.string()),
    instructions: v.nullish(v.string()),
    model: v.nullish(AssistantModel),
  }),
  v.transform(withoutNulls),
);

export const NewThread = object({
  /** The document has it in the body; whatever it says, a thread is made. */
  object: v.nullish(v.string()),
  title: v.nullish(Title, ""),
  assistants: v.pipe(
    v.nullish(v.pipe(v.array(ThreadAssistant), v.maxLength(10_000)), []),
    v.transform((assistants) => (assistants.length > 0 ? assistants : [{ assistant_id: BUILT_IN }])),
  ),
  metadata: NewMetadata,
  messages: v.nullish(v.pipe(v.array(NewMessage), v.maxLength(1_000)), []),
  tool_resources: NoToolResources,
});

/** `assistants` and `messages` may come back as they were answered: `refuseOtherMembers` looks at them. */
export const ThreadChange = object({
  title: v.nullish(Title),
  metadata: MetadataChange,
  tool_resources: NoToolResources,
  assistants: v.nullish(v.array(v.unknown())),
  messages: v.nullish(v.array(v.unknown())),
});
export type ThreadMembers = Pick<v.InferOutput<typeof ThreadChange>, "assistants" | "messages">;
