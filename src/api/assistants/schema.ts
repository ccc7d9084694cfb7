// The bodies of POST and PATCH /v1/assistants, and the record that they become.
import * as v from "valibot";
import type { Assistant } from "../../storage/entities.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { isHollow } from "../../support/json.ts";
import { Effort } from "../chat/reasoning-budget.ts";
import { MetadataChange, NewMetadata } from "../metadata.ts";
import { looseObject, object, record, variant, withExample } from "../objects.ts";

const NO_URI = '"avatar" is no URI. Send the address of a picture, or the picture as "data:image/png;base64,…".';

const textUpTo = (most: number) => v.nullish(v.pipe(v.string(), v.maxLength(most)));
const ModelId = v.pipe(v.string(), v.nonEmpty(), v.maxLength(200));
const Tool = looseObject({ type: v.string() });
const ResponseFormat = v.union([
  v.literal("auto"),
  withExample(
    variant("type", [
      object({ type: v.picklist(["text", "json_object"]) }),
      object({
        type: v.literal("json_schema"),
        json_schema: object({
          name: v.pipe(v.string(), v.nonEmpty(), v.maxLength(64)),
          description: v.nullish(v.string()),
          schema: v.nullish(looseObject({})),
          strict: v.nullish(v.boolean()),
        }),
      }),
    ]),
    { type: "json_object" },
  ),
]);
const Names = v.nullish(v.array(v.string()), []);
const Events = object({ in: Names, out: Names });

/** An address, or the picture itself; an empty one is none. */
const Avatar = v.nullish(
  v.pipe(
    v.string(),
    v.maxLength(10_240),
    v.check((text) => text === "" || URL.canParse(text), codedMessage("invalid_value", NO_URI)),
    v.transform((text) => text || null),
  ),
);

/** Threads take the field too. */
export const NoToolResources = v.pipe(
  v.nullish(record(v.string(), v.unknown())),
  v.check(
    (resources) => isHollow(resources),
    codedMessage("unsupported_parameter", `"tool_resources" cannot be used: no tool here reads files. Leave it out.`),
  ),
);

const FIELDS = {
  model: v.nullish(ModelId),
  models: v.nullish(v.pipe(v.array(object({ model_id: ModelId })), v.maxLength(128))),
  name: textUpTo(256),
  description: textUpTo(512),
  instructions: textUpTo(256_000),
  avatar: Avatar,
  events: v.nullish(Events),
  tools: v.nullish(v.pipe(v.array(Tool), v.maxLength(128))),
  temperature: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  top_p: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  response_format: v.nullish(ResponseFormat),
  reasoning_effort: v.nullish(Effort),
  tool_resources: NoToolResources,
};

export const NewAssistant = object({ ...FIELDS, metadata: NewMetadata });
export const AssistantChange = object({ ...FIELDS, metadata: MetadataChange });

type Fields = Omit<v.InferOutput<typeof NewAssistant>, "metadata" | "tool_resources">;

/** The fields of a request as those of a record: `model` is the first of `models`. */
export function toRecordFields({ model, models, events, tools, ...plain }: Fields): Partial<Assistant> {
  const present = Object.entries(plain).filter(([, value]) => value !== undefined);
  const others = (models ?? []).filter(({ model_id }) => model_id !== model);
  return {
    ...Object.fromEntries(present),
    ...(events ? { events } : {}),
    ...(tools ? { tools } : {}),
    ...(model || models ? { models: [...(model ? [{ model_id: model }] : []), ...others] } : {}),
  };
}
