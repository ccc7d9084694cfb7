// POST /v1/rerank, and /v2/rerank for Cohere's clients: documents by how well they answer a query, the best first.
import type { Context } from "hono";
import type { RerankEvent } from "../../../adapters/embedding.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { json } from "../../http/json.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import type { LoadingEvent } from "../../inference/loading-events.ts";
import type { Deps } from "../deps.ts";
import { findTaskModel } from "../find-model.ts";
import { runOptionsOf } from "../generation/run-options.ts";
import { wireTextUsage } from "../generation/wire-form.ts";
import { looseObject } from "../objects.ts";
import { prepareRerank } from "./prepare.ts";
import { RerankBody } from "./schema.ts";

const JsonBody = looseObject({});

export const createRerank =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, JsonBody);
    const request = validateWith(RerankBody, body);
    const model = await findTaskModel(deps, request.model, "rerank");
    const { documents, ignored, rerank } = prepareRerank(request, body, { model, adapter: deps.adapterOf(model) });
    nameIgnored(c, ignored);
    const options = runOptionsOf(c, deps, model, request.keep_alive);
    const { scores, usage } = await collect(deps.pool.run(model, options, rerank));
    const best = scores.toSorted((a, b) => b.score - a.score || a.index - b.index).slice(0, request.top_n ?? undefined);
    const results = best.map(({ index, score }) => ({
      ...{ index, relevance_score: score },
      ...(request.return_documents && { document: { text: documents[index]! } }),
    }));
    return json(c, { id: deps.newId("rerank-"), object: "list", model: model.id, results, usage: wireTextUsage(usage) });
  };

/** Throws what the engine throws. */
async function collect(events: AsyncIterable<RerankEvent | LoadingEvent>) {
  const scores: { index: number; score: number }[] = [];
  for await (const event of events) {
    if (event.type === "score") scores.push({ index: event.index, score: event.score });
    else if (event.type === "finish") return { scores, usage: event.usage };
  }
  throw new Error("An engine ended its scores without a finish.");
}
