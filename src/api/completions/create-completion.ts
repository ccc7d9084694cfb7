// POST /v1/completions: one request with one or several prompts, one iteration of events, and two folds of it.
import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import { cacheScopeOf } from "../../http/client-of.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { parseBody } from "../../http/validate.ts";
import type { Deps } from "../deps.ts";
import { findTaskModel } from "../find-model.ts";
import { answerGeneration } from "../generation/answer-generation.ts";
import { prepareCompletion } from "./prepare.ts";
import { CompletionBody } from "./request.ts";
import { COMPLETION_FOLDS } from "./response.ts";

export const createCompletion =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const request = await parseBody(c, CompletionBody);
    const model = await findTaskModel(deps, request.model, "completions");
    const prepared = await prepareCompletion(request, {
      ...{ model, adapter: deps.adapterOf(model), newSeed: deps.newSeed },
      cache_scope: cacheScopeOf(c, deps.guards),
    });
    nameIgnored(c, prepared.ignored);
    return answerGeneration(c, deps, { request, model, prepared, folds: COMPLETION_FOLDS });
  };
