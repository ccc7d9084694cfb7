// The body of a request for decisions, and what becomes of its other fields.
import * as v from "valibot";
import { KeepAlive } from "../../support/quantities.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { isHollow, isObject, type JsonObject } from "../../support/json.ts";
import { droppedFields, type KeptFields } from "../generation/dropped-fields.ts";
import { Input } from "./input.ts";
import { Questions } from "./questions.ts";

export const DecisionRequest = v.looseObject({
  model: v.nullish(v.pipe(v.string(), v.minLength(1))),
  input: Input,
  questions: Questions,
  /** How long the model stays loaded afterwards: seconds or "10m", here in ms. */
  keep_alive: v.nullish(KeepAlive),
  stream: v.nullish(
    v.pipe(
      v.boolean(),
      v.check(
        (streams) => !streams,
        codedMessage("unsupported_parameter", 'Decisions are not streamed: all answers come at once. Leave "stream" out.'),
      ),
    ),
  ),
});
export type DecisionRequest = v.InferOutput<typeof DecisionRequest>;

const CONTENT: KeptFields = { type: true, text: true, refusal: true, image_url: true, detail: true, data: true };
const KEPT: KeptFields = {
  ...{ model: true, keep_alive: true, stream: true },
  input: {
    ...{ type: true, role: true, content: CONTENT, id: true, status: true },
    ...{ call_id: true, name: true, namespace: true, arguments: true, input: true, output: CONTENT },
  },
  questions: {
    ...{ type: true, name: true, instructions: CONTENT },
    choices: { value: true, description: true },
    levels: { label: true, description: true },
  },
};

/** The paths of fields that ask for something and are passed over, in the body as it was sent. */
export function droppedDecisionFields(body: JsonObject): string[] {
  const all = Object.entries(body).flatMap(([name, value]) => {
    const kept = KEPT[name];
    if (kept === true || value === "" || isHollow(value)) return [];
    return kept === undefined ? [name] : [...droppedFields(name, value, kept), ...imageDetails(name, value)];
  });
  return all;
}

/** How closely the model is to look at an image. */
function imageDetails(path: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => imageDetails(`${path}[${index}]`, one));
  if (!isObject(value)) return [];
  const asks = value.type === "input_image" && value.detail != null && value.detail !== "auto";
  const inner = ["content", "output", "instructions"].flatMap((name) => imageDetails(`${path}.${name}`, value[name]));
  return [...(asks ? [`${path}.detail`] : []), ...inner];
}
