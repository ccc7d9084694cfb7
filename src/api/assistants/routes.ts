// /v1/assistants: instructions and parameters that a thread names. One assistant is built in.
import { Hono, type Context } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError } from "../../http/errors.ts";
import { noAssistant } from "../../http/not-found.ts";
import { PageQuery, readPage } from "../../http/paging.ts";
import { BUILT_IN, type Assistant } from "../../storage/entities.ts";
import { parseBody, parseQuery } from "../../http/validate.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { adaptNulls, wantsPage } from "../dialect.ts";
import { mergeMetadata, MetadataChange, NewMetadata } from "../metadata.ts";

/** The built-in assistant until it is changed; the store has a record of it from then on. */
const JAN: Assistant = {
  id: BUILT_IN,
  object: "assistant",
  version: 1,
  created_at: 0,
  name: "Jan",
  description: "A default assistant that can use all downloaded models",
  avatar: null,
  models: [],
  instructions: "",
  events: { in: [], out: [] },
  metadata: {},
  tools: [],
  temperature: null,
  top_p: null,
};

/** A plain disc, for assistants without an avatar: in the published API an avatar is always a URI. */
const AVATAR =
  "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%208%208'%3E%3Ccircle%20cx='4'%20cy='4'%20r='4'/%3E%3C/svg%3E";

const textUpTo = (most: number) => v.nullish(v.pipe(v.string(), v.maxLength(most)));
const Tool = v.looseObject({ type: v.string() });
const Events = v.object({ in: v.optional(v.array(v.unknown()), []), out: v.optional(v.array(v.unknown()), []) });

/** Threads take the field too. */
export const NoToolResources = v.pipe(
  v.nullish(v.record(v.string(), v.unknown())),
  v.check(
    (resources) => Object.keys(resources ?? {}).length === 0,
    codedMessage("unsupported_parameter", `"tool_resources" cannot be used: no tool here reads files. Leave it out.`),
  ),
);

const FIELDS = {
  model: v.nullish(v.pipe(v.string(), v.nonEmpty(), v.maxLength(200))),
  models: v.nullish(
    v.pipe(v.array(v.object({ model_id: v.pipe(v.string(), v.nonEmpty(), v.maxLength(200)) })), v.maxLength(128)),
  ),
  name: textUpTo(256),
  description: textUpTo(512),
  instructions: textUpTo(256_000),
  avatar: textUpTo(10_240),
  events: v.nullish(Events),
  tools: v.nullish(v.pipe(v.array(Tool), v.maxLength(128))),
  temperature: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  top_p: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  tool_resources: NoToolResources,
};

const NewAssistant = v.object({ ...FIELDS, metadata: NewMetadata });
const AssistantChange = v.object({ ...FIELDS, metadata: MetadataChange });

export const assistantRoutes = ({ store, now }: Deps) => {
  const changeAssistant = async (c: Context<AppEnv>) => {
    const { metadata, tool_resources: _, ...change } = await parseBody(c, AssistantChange);
    const id = c.req.param("assistant_id") ?? "";
    const applyChange = (old: Assistant): Assistant => {
      const fields = { ...old, ...toRecordFields(change), metadata: mergeMetadata(old.metadata, metadata) };
      return isSameRecord(fields, old) ? old : { ...fields, version: old.version + 1 };
    };
    const changed = await store.assistants.patch(id, applyChange, id === BUILT_IN ? JAN : undefined);
    if (changed === undefined) throw noAssistant(id);
    return json(c, toWireAssistant(c, changed));
  };
  return new Hono<AppEnv>()
    .get("/", async function listAssistants(c) {
      const page = parseQuery(c, PageQuery);
      const stored = await store.assistants.ids();
      // The built-in one counts as the oldest.
      const ids = [BUILT_IN, ...stored.filter((id) => id !== BUILT_IN)];
      const read = async (ids: readonly string[]) => {
        const found = await store.assistants.getMany(ids);
        if (stored.includes(BUILT_IN) || !ids.includes(BUILT_IN)) return found;
        return ids[0] === BUILT_IN ? [JAN, ...found] : [...found, JAN];
      };
      if (!wantsPage(c, page))
        return json(
          c,
          (await read(ids.toReversed())).map((assistant) => toWireAssistant(c, assistant)),
        );
      const list = await readPage(ids, page, read);
      return json(c, { ...list, data: list.data.map((assistant) => toWireAssistant(c, assistant)) });
    })
    .post("/", async function createAssistant(c) {
      const { metadata, tool_resources: _, ...fields } = await parseBody(c, NewAssistant);
      const assistant: Assistant = {
        ...JAN,
        ...{ name: null, description: null, instructions: null },
        ...toRecordFields(fields),
        id: await store.newAssistantId(),
        created_at: now(),
        metadata,
      };
      await store.assistants.put(assistant);
      return json(c, toWireAssistant(c, assistant));
    })
    .get("/:assistant_id", async function getAssistant(c) {
      const id = c.req.param("assistant_id");
      const assistant = (await store.assistants.get(id)) ?? (id === BUILT_IN ? JAN : undefined);
      if (assistant === undefined) throw noAssistant(id);
      return json(c, toWireAssistant(c, assistant));
    })
    .patch("/:assistant_id", changeAssistant)
    .post("/:assistant_id", changeAssistant)
    .delete("/:assistant_id", async function deleteAssistant(c) {
      const id = c.req.param("assistant_id");
      if (id === BUILT_IN) {
        throw new ApiError(409, `The assistant "${BUILT_IN}" is built in and cannot be deleted. It can be changed.`, {
          param: "assistant_id",
          code: "assistant_built_in",
        });
      }
      if (!(await store.assistants.remove(id))) throw noAssistant(id);
      return json(c, { id, object: "assistant.deleted", deleted: true });
    });
};

type Fields = Omit<v.InferOutput<typeof NewAssistant>, "metadata" | "tool_resources">;

/** The fields of a request as those of a record: `model` is the first of `models`. */
function toRecordFields({ model, models, events, tools, ...plain }: Fields): Partial<Assistant> {
  const present = Object.entries(plain).filter(([, value]) => value !== undefined);
  const others = (models ?? []).filter(({ model_id }) => model_id !== model);
  return {
    ...Object.fromEntries(present),
    ...(events ? { events } : {}),
    ...(tools ? { tools } : {}),
    ...(model || models ? { models: [...(model ? [{ model_id: model }] : []), ...others] } : {}),
  };
}

const isSameRecord = (a: Assistant, b: Assistant): boolean => JSON.stringify(a) === JSON.stringify(b);

function toWireAssistant(c: Context, assistant: Assistant) {
  const { id, object, version, created_at, name, description, avatar, models, instructions, events, metadata } = assistant;
  const { tools, temperature, top_p } = assistant;
  const model = models[0]?.model_id ?? "";
  const fields = {
    id,
    object,
    version,
    created_at,
    name,
    description,
    avatar: avatar ?? AVATAR,
    models,
    instructions,
    events,
    metadata,
  };
  return adaptNulls(c, { ...fields, model, tools, temperature, top_p }, ["name", "description", "instructions"]);
}
