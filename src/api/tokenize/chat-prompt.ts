// POST /v1/chat/completions/input_tokens and /v1/apply-template: the prompt of a chat, as a number of tokens or as a text.
import type { Context } from "hono";
import type { ChatRequest, Engine } from "../../../adapters/adapter.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { json } from "../../http/json.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import { droppedMessageFields } from "../chat/message-fields.ts";
import { prepareChat } from "../chat/prepare.ts";
import { ChatCompletionRequest } from "../chat/request.ts";
import type { Deps } from "../deps.ts";
import { findTaskModel } from "../find-model.ts";
import { valueOf } from "../generation/sampling.ts";
import { askEngine, callOf } from "./ask-engine.ts";
import { looseObject } from "../objects.ts";

const JsonBody = looseObject({});

/** The body is that of a chat, since some of its fields are a part of the prompt. */
const askOfChat =
  (use: (engine: Engine, chat: ChatRequest, signal: AbortSignal) => Promise<object>) =>
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, JsonBody);
    const request = validateWith(ChatCompletionRequest, body);
    const model = await findTaskModel(deps, request.model, "chat");
    const { chat, ignored, worded } = await prepareChat(request, {
      ...{ model, adapter: deps.adapterOf(model), newSeed: deps.newSeed, withNote: deps.templates?.withNote, cache_scope: "" },
    });
    nameIgnored(c, [...droppedMessageFields(body), ...ignored]);
    const asked = { model, keep_alive: valueOf(request, "keep_alive") };
    return json(c, await askEngine(c, deps, asked, (engine, signal) => worded(use(engine, chat, signal))));
  };

export const countInputTokens = askOfChat(async (engine, chat, signal) => ({
  object: "response.input_tokens",
  input_tokens: await callOf(engine, "count", "messages")(chat, signal),
}));

export const applyTemplate = askOfChat(async (engine, chat, signal) => ({
  prompt: await callOf(engine, "render", "messages")(chat, signal),
}));
