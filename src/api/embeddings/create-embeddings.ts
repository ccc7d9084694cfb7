// POST /v1/embeddings: vectors of texts, in their order.
import { Buffer } from "node:buffer";
import type { Context } from "hono";
import type { EmbedEvent } from "../../../adapters/embedding.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { nameIgnored } from "../../http/ignored.ts";
import { json } from "../../http/json.ts";
import { parseBody, validateWith } from "../../http/validate.ts";
import type { LoadingEvent } from "../../inference/loading-events.ts";
import type { Deps } from "../deps.ts";
import { findTaskModel } from "../find-model.ts";
import { runOptionsOf } from "../generation/run-options.ts";
import { looseObject } from "../objects.ts";
import { wireTextUsage } from "../generation/wire-form.ts";
import { prepareEmbeddings } from "./prepare.ts";
import { EmbeddingRequest } from "./schema.ts";

const JsonBody = looseObject({});

export const createEmbeddings =
  (deps: Deps) =>
  async (c: Context<AppEnv>): Promise<Response> => {
    const body = await parseBody(c, JsonBody);
    const request = validateWith(EmbeddingRequest, body);
    const model = await findTaskModel(deps, request.model, "embeddings");
    const { count, ignored, embed } = prepareEmbeddings(request, body, { model, adapter: deps.adapterOf(model) });
    nameIgnored(c, ignored);
    const options = runOptionsOf(c, deps, model, request.keep_alive);
    const { vectors, usage } = await collect(deps.pool.run(model, options, embed), count);
    const write = request.encoding_format === "base64" ? toBase64 : (vector: Float32Array) => Array.from(vector);
    const data = vectors.map((vector, index) => ({ object: "embedding", index, embedding: write(vector) }));
    return json(c, { object: "list", data, model: model.id, usage: wireTextUsage(usage) });
  };

/** Throws what the engine throws. */
async function collect(events: AsyncIterable<EmbedEvent | LoadingEvent>, count: number) {
  const vectors: Float32Array[] = Array.from({ length: count });
  for await (const event of events) {
    if (event.type === "embedding") vectors[event.index] = event.vector;
    else if (event.type === "finish") return { vectors, usage: event.usage };
  }
  throw new Error("An engine ended its embeddings without a finish.");
}

/** Base64 of the numbers, each of 32 bits, the lowest byte first. */
function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
