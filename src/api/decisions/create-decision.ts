// POST /v1/decisions: questions about an input, each answered by how likely the model finds the answers that may be given.
import type { Context } from "hono";
import type { WeighEvent } from "../../../adapters/adapter.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { cacheScopeOf } from "../../http/client-of.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { json } from "../../http/json.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import type { LoadingEvent } from "../../inference/loading-events.ts";
import type { Deps } from "../deps.ts";
import { findTaskModel } from "../find-model.ts";
import { runOptionsOf } from "../generation/run-options.ts";
import { answerOf, wireUsage } from "./answers.ts";
import { prepareDecision } from "./prepare.ts";
import type { Question } from "./questions.ts";
import { DecisionRequest } from "./schema.ts";
import { looseObject } from "../objects.ts";

const JsonBody = looseObject({});

export const createDecision =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, JsonBody);
    const request = validateWith(DecisionRequest, body);
    const model = await findTaskModel(deps, request.model, "chat");
    const { ignored, weigh } = prepareDecision(request, body, {
      ...{ model, adapter: deps.adapterOf(model) },
      cache_scope: cacheScopeOf(c, deps.guards),
    });
    nameIgnored(c, ignored);
    const options = runOptionsOf(c, deps, model, request.keep_alive);
    return json(c, await collectDecision(model.id, request.questions, deps.pool.run(model, options, weigh)));
  };

/** Throws what the engine throws. */
async function collectDecision(
  model: string,
  questions: readonly Question[],
  events: AsyncIterable<WeighEvent | LoadingEvent>,
): Promise<object> {
  const answers: object[] = [];
  for await (const event of events) {
    if (event.type === "answer") answers.push(answerOf(questions[answers.length]!, event.probabilities));
    else if (event.type === "finish") return { answers, model, usage: wireUsage(event.usage) };
  }
  throw new Error("An engine ended its answers without a finish.");
}
