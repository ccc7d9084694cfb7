// What a request for decisions asks of an engine.
import type { Adapter, Engine, WeighEvent, WeighRequest } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import { invalidValue } from "../../http/errors.ts";
import type { JsonObject } from "../../support/json.ts";
import { quote } from "../../support/quote.ts";
import { readSwitches, templateOf } from "../chat/reasoning.ts";
import { inClientsWords } from "../generation/respell.ts";
import { droppedParameters } from "../generation/parameters/sort.ts";
import { inputMessages } from "./input.ts";
import { DECISION_PARAMETERS } from "./parameters.ts";
import { weighedQuestion } from "./questions.ts";
import { type DecisionRequest, droppedInnerFields } from "./schema.ts";

interface DecidingModel extends Pick<WeighRequest, "cache_scope"> {
  model: Model;
  adapter: Pick<Adapter, "capabilities">;
}

export interface PreparedDecision {
  /** The paths of what is passed over. */
  ignored: string[];
  /** The events of an engine, as `Engine.weigh`. */
  weigh(engine: Engine, signal: AbortSignal): AsyncIterable<WeighEvent>;
}

/** `sent`: the request as it came. Throws 400 for what the model cannot do. */
export function prepareDecision(
  request: DecisionRequest,
  sent: JsonObject,
  { model, adapter, cache_scope }: DecidingModel,
): PreparedDecision {
  const capabilities = adapter.capabilities(model);
  if (!capabilities.includes("decisions")) throw cannotDecide(model);
  const dropped = droppedParameters(DECISION_PARAMETERS, sent, model, capabilities);
  const with_image = imagePath(request);
  if (with_image !== undefined) throw invalidValue(NO_IMAGES, with_image, "unsupported_content");
  const messages = inputMessages(request.input);
  const questions = request.questions.map(weighedQuestion);
  // What is thought before an answer is no part of the question.
  const { kwargs } = readSwitches({ enable_thinking: false }, templateOf(model), Number.POSITIVE_INFINITY);
  const chat_template_kwargs = Object.keys(kwargs).length > 0 ? kwargs : undefined;
  const asked: WeighRequest = { messages, questions, cache_scope, ...(chat_template_kwargs && { chat_template_kwargs }) };
  return {
    ignored: [...dropped, ...droppedInnerFields(sent)],
    async *weigh(engine, signal) {
      if (engine.weigh === undefined) throw cannotDecide(model);
      try {
        yield* engine.weigh(asked, signal);
      } catch (error) {
        throw inClientsWords(error, { clientPath: (path) => (/^messages\b/.test(path) ? "input" : path) });
      }
    },
  };
}

const NO_IMAGES = "No engine here decides about images: it reads text alone. Leave the images out, or describe them.";

function cannotDecide({ id, upstream }: Model): Error {
  const why = upstream === undefined ? "Its engine does" : "The servers that run it do";
  const message = `Model ${quote(id)} cannot make decisions. ${why} not tell how likely each of some texts is. Name another model.`;
  return invalidValue(message, "model", "unsupported_parameter");
}

/** The path of the first content with an image, as the client has sent it. */
function imagePath({ input, questions }: DecisionRequest): string | undefined {
  const items = typeof input === "string" ? [] : input;
  const contents = items.flatMap((item, i): [string, unknown][] => {
    if ("role" in item) return [[`input[${i}].content`, item.content]];
    return "output" in item ? [[`input[${i}].output`, item.output]] : [];
  });
  const asked = questions.map(({ instructions }, i): [string, unknown] => [`questions[${i}].instructions`, instructions]);
  // Contents without images have become texts.
  return [...contents, ...asked].find(([, content]) => typeof content !== "string")?.[0];
}
