// What a request for embeddings asks of an engine.
import type { Adapter, Engine } from "../../../adapters/adapter.ts";
import type { EmbedEvent } from "../../../adapters/embedding.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import type { JsonObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { sortParameters } from "../generation/parameters/sort.ts";
import { inClientsWords } from "../generation/respell.ts";
import { readInputs } from "./inputs.ts";
import { PARAMETERS } from "./parameters.ts";
import type { EmbeddingRequest } from "./schema.ts";

interface EmbeddingModel {
  model: Model;
  adapter: Pick<Adapter, "capabilities">;
}

export interface PreparedEmbeddings {
  /** How many vectors there will be. */
  count: number;
  /** The paths of what is passed over. */
  ignored: string[];
  /** The events of an engine, as `Engine.embed`. */
  embed(engine: Engine, signal: AbortSignal): AsyncIterable<EmbedEvent>;
}

/** `sent`: the request as it came. Throws 400 for what the model cannot do. */
export function prepareEmbeddings(
  request: EmbeddingRequest,
  sent: JsonObject,
  { model, adapter }: EmbeddingModel,
): PreparedEmbeddings {
  const { hints, unknown } = sortParameters(PARAMETERS, sent, model, adapter.capabilities(model));
  const { inputs, clientPath } = readInputs(request.input);
  const dimensions = request.dimensions ?? undefined;
  if (dimensions !== undefined) checkDimensions(dimensions, model);
  return {
    count: inputs.length,
    ignored: [...Object.keys(hints), ...unknown],
    async *embed(engine, signal) {
      if (engine.embed === undefined) throw cannotEmbed(model);
      try {
        yield* engine.embed({ inputs, ...(dimensions !== undefined && { dimensions }) }, signal);
      } catch (error) {
        // Engines call what they read messages where they know no better.
        throw inClientsWords(error, { clientPath: (path) => (path === "messages" ? "input" : clientPath(path)) });
      }
    },
  };
}

/** Other servers know themselves whether their vectors may be cut, and so do adapters that bring their models. */
function checkDimensions(dimensions: number, { id, upstream, files, embedding_length, matryoshka }: Model): void {
  if (upstream !== undefined || files.length === 0 || dimensions === embedding_length) return;
  if (embedding_length !== undefined && dimensions > embedding_length) {
    const message = `"dimensions" is ${dimensions}, and the vectors of ${quote(id)} have ${embedding_length} numbers. Send no more.`;
    throw invalidValue(message, "dimensions");
  }
  if (matryoshka) return;
  const whole = embedding_length === undefined ? "whole" : `${embedding_length} numbers`;
  const message = `"dimensions" is ${dimensions}, and ${quote(id)} was not trained for vectors that are cut: it makes ${whole}. Leave it out.`;
  throw invalidValue(message, "dimensions", "unsupported_parameter");
}

function cannotEmbed({ id }: Model): Error {
  const message = `The engine of ${quote(id)} makes no embeddings. Name another model.`;
  return invalidValue(message, "model", "unsupported_parameter");
}
