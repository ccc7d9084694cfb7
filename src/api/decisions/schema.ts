// The body of a request for decisions, and the fields of its parts that no engine gets.
import * as v from "valibot";
import { KeepAlive } from "../../support/quantities.ts";
import type { JsonObject } from "../../support/json.ts";
import { droppedFields, type KeptFields } from "../generation/dropped-fields.ts";
import { Input } from "./input.ts";
import { Questions } from "./questions.ts";
import { looseObject } from "../objects.ts";

export const DecisionRequest = looseObject({
  model: v.nullish(v.pipe(v.string(), v.minLength(1))),
  input: Input,
  questions: Questions,
  /** How long the model stays loaded afterwards: seconds or "10m", here in ms. */
  keep_alive: v.nullish(KeepAlive),
});
export type DecisionRequest = v.InferOutput<typeof DecisionRequest>;

const CONTENT: KeptFields = { type: true, text: true, refusal: true, data: true };
const INPUT: KeptFields = {
  ...{ type: true, role: true, content: CONTENT, id: true, status: true },
  ...{ call_id: true, name: true, namespace: true, arguments: true, input: true, output: CONTENT },
};
const QUESTIONS: KeptFields = {
  ...{ type: true, name: true, instructions: CONTENT },
  choices: { value: true, description: true },
  levels: { label: true, description: true },
};

/** The paths of fields that ask for something and are passed over, within the input and the questions as they were sent. */
export function droppedInnerFields({ input, questions }: JsonObject): string[] {
  return [...droppedFields("input", input, INPUT), ...droppedFields("questions", questions, QUESTIONS)];
}
