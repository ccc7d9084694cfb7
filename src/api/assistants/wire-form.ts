// The wire form of an assistant.
import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import type { Assistant } from "../../storage/entities.ts";
import { adaptNulls, forOpenAI } from "../dialect.ts";

/** A plain disc, for assistants without an avatar: in the published API an avatar is always a URI. */
const AVATAR =
  "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%208%208'%3E%3Ccircle%20cx='4'%20cy='4'%20r='4'/%3E%3C/svg%3E";

/** What threads and assistants answer for `NoToolResources`. */
export const NO_RESOURCES = { tool_resources: {} };

export function toWireAssistant(c: Context<AppEnv>, assistant: Assistant) {
  const { id, object, version, created_at, name, description, avatar, models, instructions, events, metadata } = assistant;
  const { tools, temperature, top_p, response_format = null, reasoning_effort = null } = assistant;
  const model = models[0]?.model_id ?? "";
  const about = { id, object, version, created_at, name, description, avatar: avatar ?? AVATAR };
  const sampling = { temperature, top_p, response_format, reasoning_effort };
  const fields = { ...about, models, instructions, events, metadata, model, tools, ...sampling, ...forOpenAI(c, NO_RESOURCES) };
  return adaptNulls(c, fields, ["name", "description", "instructions"]);
}
