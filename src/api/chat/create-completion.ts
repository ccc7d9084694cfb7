// POST /v1/chat/completions: one request, one iteration of chat events, and two folds of it, JSON and server-sent events.
import type { Context } from "hono";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { cacheScopeOf } from "../../http/client-of.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import { findTaskModel } from "../find-model.ts";
import { answerGeneration } from "../generation/answer-generation.ts";
import { droppedMessageFields } from "./message-fields.ts";
import { prepareChat } from "./prepare.ts";
import { ChatCompletionRequest } from "./request.ts";
import { chatFolds } from "./response.ts";
import { looseObject } from "../objects.ts";

const JsonBody = looseObject({});

export const createChatCompletion =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, JsonBody);
    const request = validateWith(ChatCompletionRequest, body);
    const model = await findTaskModel(deps, request.model, "chat");
    const prepared = await prepareChat(request, {
      ...{ model, adapter: deps.adapterOf(model), newSeed: deps.newSeed, withNote: deps.templates?.withNote },
      cache_scope: cacheScopeOf(c, deps.guards),
    });
    nameIgnored(c, [...droppedMessageFields(body), ...prepared.ignored]);
    const folds = chatFolds({ newId: deps.newId, legacy_calls: prepared.legacy_calls });
    return answerGeneration(c, deps, { request, model, prepared, folds });
  };
