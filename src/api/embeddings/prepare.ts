// What a request for embeddings asks of an engine.
import type { Adapter, Engine } from "../../../adapters/adapter.ts";
import type { EmbedEvent } from "../../../adapters/embedding.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import type { JsonObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { droppedParameters } from "../generation/parameters/sort.ts";
import { inClientsWords } from "../generation/respell.ts";
import { readSentTexts } from "../generation/sent-texts.ts";
import { PARAMETERS } from "./parameters.ts";
import type { EmbeddingRequest } from "./schema.ts";

/** As OpenAI has it. */
const MOST_INPUTS = 2_048;

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
  const ignored = droppedParameters(PARAMETERS, sent, model, adapter.capabilities(model));
  const texts = readSentTexts(request.input, { field: "input", most: MOST_INPUTS });
  const inputs = texts.map(({ text }) => text);
  const clientPath = (path: string) =>
    path === "messages" ? "input" : path.replace(/^input\[(\d+)\]/, (_, index) => texts[Number(index)]!.path);
  const dimensions = request.dimensions ?? undefined;
  if (dimensions !== undefined) checkDimensions(dimensions, model);
  return {
    count: texts.length,
    ignored,
    async *embed(engine, signal) {
      if (engine.embed === undefined) throw cannotEmbed(model);
      try {
        yield* engine.embed({ inputs, ...(dimensions !== undefined && { dimensions }) }, signal);
      } catch (error) {
        // Engines call what they read messages where they know no better.
        throw inClientsWords(error, { clientPath });
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
