// POST /v1/tokenize and /v1/detokenize: texts and chats as tokens, and back, in the words of llama-server and of vLLM.
import type { Context } from "hono";
import type { Engine } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { json } from "../../http/json.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import { prepareChat } from "../chat/prepare.ts";
import { ChatCompletionRequest } from "../chat/request.ts";
import type { Deps } from "../deps.ts";
import { findDefaultModel, findModel } from "../find-model.ts";
import { droppedParameters } from "../generation/parameters/sort.ts";
import { askEngine, callOf } from "./ask-engine.ts";
import { DETOKENIZE_PARAMETERS, TOKENIZE_PARAMETERS } from "./parameters.ts";
import { DetokenizeBody, readSource, TokenizeBody, type TokenizeSource } from "./schema.ts";

export const tokenize =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, TokenizeBody);
    const source = readSource(body);
    const model = await anyModel(deps, body.model);
    const { ignored, answer } = await prepareTokenize(source, body, model, deps);
    nameIgnored(c, ignored);
    return json(c, await askEngine(c, deps, { model, keep_alive: body.keep_alive }, answer));
  };

export const detokenize =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, DetokenizeBody);
    const { tokens, keep_alive } = body;
    const model = await anyModel(deps, body.model);
    nameIgnored(c, droppedParameters(DETOKENIZE_PARAMETERS, body, model, deps.adapterOf(model).capabilities(model)));
    const text = await askEngine(c, deps, { model, keep_alive }, (engine, signal) =>
      callOf(engine, "detokenize", "tokens")(tokens, signal),
    );
    return json(c, { content: text, prompt: text });
  };

/** Each model has a vocabulary; that of a request that names none is the one that completes texts. */
function anyModel(deps: Deps, id: string | null | undefined): Promise<Model> {
  return id == null ? findDefaultModel(deps, "completions") : findModel(deps, id);
}

interface PreparedTokenize {
  ignored: readonly string[];
  /** Throws 400 for what the engine cannot tell. */
  answer(engine: Engine, signal: AbortSignal): Promise<object>;
}

type TokensOf = (engine: Engine, signal: AbortSignal) => Promise<number[]>;

/** Throws 400 for what cannot be honoured. */
export async function prepareTokenize(
  source: TokenizeSource,
  body: TokenizeBody,
  model: Model,
  { adapterOf, newSeed, templates }: Pick<Deps, "adapterOf" | "newSeed" | "templates">,
): Promise<PreparedTokenize> {
  const adapter = adapterOf(model);
  if ("text" in source) {
    const { text, options } = source;
    return {
      ignored: droppedParameters(TOKENIZE_PARAMETERS, body, model, adapter.capabilities(model)),
      answer: answerWith(body, (engine, signal) => callOf(engine, "tokenize", "content")(text, options, signal)),
    };
  }
  const request = validateWith(ChatCompletionRequest, source.fields);
  const { chat, ignored, worded } = await prepareChat(request, {
    ...{ model, adapter, newSeed, withNote: templates?.withNote, cache_scope: "" },
  });
  return {
    ignored,
    answer: answerWith(body, (engine, signal) => worded(callOf(engine, "tokenizeChat", "messages")(chat, signal))),
  };
}

function answerWith({ with_pieces, return_token_strs }: TokenizeBody, tokensOf: TokensOf): PreparedTokenize["answer"] {
  return async (engine, signal) => {
    const tokens = await tokensOf(engine, signal);
    const param = with_pieces ? "with_pieces" : "return_token_strs";
    const bytes = with_pieces || return_token_strs ? await callOf(engine, "tokenBytes", param)(tokens, signal) : [];
    return {
      tokens: with_pieces ? tokens.map((id, index) => ({ id, piece: pieceOf(bytes[index]!) })) : tokens,
      count: tokens.length,
      ...(Number.isFinite(engine.context_length) && { max_model_len: engine.context_length }),
      ...(return_token_strs && { token_strs: bytes.map((piece) => Buffer.from(piece).toString()) }),
    };
  };
}

/** A piece that is no whole text is its bytes, as llama-server has it. */
function pieceOf(bytes: number[]): string | number[] {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return bytes;
  }
}
