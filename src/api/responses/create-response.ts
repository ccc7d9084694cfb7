// POST /v1/responses: the chat that a response asks for, and the fold of its events into a response.
import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import { cacheScopeOf } from "../../http/client-of.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { json } from "../../http/json.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import type { JsonObject } from "../../support/json.ts";
import { prepareChat, type PreparedChat, wordedEvents } from "../chat/prepare.ts";
import { ChatCompletionRequest } from "../chat/request.ts";
import type { Deps } from "../deps.ts";
import { findTaskModel } from "../find-model.ts";
import { answerGeneration } from "../generation/answer-generation.ts";
import { inClientsWords } from "../generation/respell.ts";
import { valueOf } from "../generation/sampling.ts";
import { looseObject } from "../objects.ts";
import { askEngine, callOf } from "../tokenize/ask-engine.ts";
import type { Model } from "../../../models/manifest.ts";
import { type ResponseChat, ResponseBody, toChatBody } from "./request.ts";
import { responseFolds } from "./response-events.ts";
import { answerWhatFits } from "./truncation.ts";
import { begunResponse } from "./wire-form.ts";

const JsonBody = looseObject({});

export const createResponse =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const { sent, asked, request, model, chat, prepare } = await prepareResponse(c, deps);
    const folds = responseFolds({
      ...{ tools: asked.tools, newId: deps.newId, now: deps.now },
      begun: (head) => begunResponse(head, sent, chat.chat),
    });
    const answer = sent.truncation === "auto" ? answerWhatFits(request, chat, prepare) : chat.answer;
    return answerGeneration(c, deps, {
      request,
      model,
      prepared: { ...chat, answer: (...given) => wordedEvents(answer(...given), asked) },
      folds,
    });
  };

export const countResponseTokens =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const { request, model, asked, chat } = await prepareResponse(c, deps);
    const counted = await askEngine(c, deps, { model, keep_alive: valueOf(request, "keep_alive") }, (engine, signal) =>
      inResponsesWords(asked, () => chat.worded(callOf(engine, "count", "messages")(chat.chat, signal))),
    );
    return json(c, { object: "response.input_tokens", input_tokens: counted });
  };

interface PreparedResponse {
  sent: ResponseBody;
  asked: ResponseChat;
  request: ChatCompletionRequest;
  model: Model;
  chat: PreparedChat;
  /** The same with other messages. */
  prepare: (request: ChatCompletionRequest) => Promise<PreparedChat>;
}

async function prepareResponse(c: Context<AppEnv>, deps: Deps): Promise<PreparedResponse> {
  const body: JsonObject = await parseBody(c, JsonBody);
  const sent = validateWith(ResponseBody, body);
  const asked = toChatBody(sent, body);
  return inResponsesWords(asked, async () => {
    const request = validateWith(ChatCompletionRequest, asked.body);
    const model = await findTaskModel(deps, request.model, "chat");
    const adapter = deps.adapterOf(model);
    const cache_scope = cacheScopeOf(c, deps.guards);
    const prepare = (request: ChatCompletionRequest): Promise<PreparedChat> =>
      prepareChat(request, { model, adapter, newSeed: deps.newSeed, withNote: deps.templates?.withNote, cache_scope });
    const chat = await prepare(request);
    nameIgnored(c, [...asked.ignored, ...chat.ignored.map(asked.clientPath)]);
    return { sent, asked, request, model, chat, prepare };
  });
}

/** Throws the errors of `work` with the fields of a response. */
async function inResponsesWords<Result>({ clientPath }: ResponseChat, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw inClientsWords(error, { clientPath });
  }
}
