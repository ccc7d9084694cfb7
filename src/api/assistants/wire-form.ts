// The wire form of an assistant.
import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import type { Assistant } from "../../storage/entities.ts";
import { adaptNulls, forOpenAI } from "../dialect.ts";
import { PLAIN_PICTURE } from "../plain-picture.ts";

/** What threads and assistants answer for `NoToolResources`. */
export const NO_RESOURCES = { tool_resources: {} };

export function toWireAssistant(c: Context<AppEnv>, assistant: Assistant) {
  const { id, object, version, created_at, name, description, avatar, models, instructions, events, metadata } = assistant;
  const { tools, temperature, top_p, response_format = null, reasoning_effort = null } = assistant;
  const model = models[0]?.model_id ?? "";
  const about = { id, object, version, created_at, name, description, avatar: avatar ?? PLAIN_PICTURE };
  const sampling = { temperature, top_p, response_format, reasoning_effort };
  const fields = { ...about, models, instructions, events, metadata, model, tools, ...sampling, ...forOpenAI(c, NO_RESOURCES) };
  return adaptNulls(c, fields, ["name", "description", "instructions"]);
}
