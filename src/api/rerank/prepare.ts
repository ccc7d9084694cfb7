// What a request for ranks asks of an engine.
import type { Adapter, Engine } from "../../../adapters/adapter.ts";
import type { RerankEvent } from "../../../adapters/embedding.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import type { JsonObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { droppedParameters } from "../generation/parameters/sort.ts";
import { inClientsWords } from "../generation/respell.ts";
import { PARAMETERS } from "./parameters.ts";
import { type RerankBody, textOf } from "./schema.ts";

export interface PreparedRerank {
  documents: string[];
  /** The paths of what is passed over. */
  ignored: string[];
  /** The events of an engine, as `Engine.rerank`. */
  rerank(engine: Engine, signal: AbortSignal): AsyncIterable<RerankEvent>;
}

/** `sent`: the request as it came. Throws 400 for what the model cannot do. */
export function prepareRerank(
  request: RerankBody,
  sent: JsonObject,
  { model, adapter }: { model: Model; adapter: Pick<Adapter, "capabilities"> },
): PreparedRerank {
  const ignored = droppedParameters(PARAMETERS, sent, model, adapter.capabilities(model));
  const [query, documents] = [textOf(request.query), request.documents.map(textOf)];
  if (query === "") throw invalidValue('"query" is empty. Say what the documents are to be ranked by.', "query");
  return {
    documents,
    ignored,
    async *rerank(engine, signal) {
      if (engine.rerank === undefined) throw cannotRank(model);
      try {
        yield* engine.rerank({ query, documents }, signal);
      } catch (error) {
        // Engines call what they read messages where they know no better.
        throw inClientsWords(error, { clientPath: (path) => (path === "messages" ? "documents" : path) });
      }
    },
  };
}

function cannotRank({ id }: Model): Error {
  return invalidValue(`The engine of ${quote(id)} ranks nothing. Name another model.`, "model", "unsupported_parameter");
}
