// What the reference says of decisions.
import * as v from "valibot";
import { Count, described, GENERATION_ERRORS, type Operation } from "../reference/operation.ts";
import { InputReference } from "./input.ts";
import { DecisionRequest } from "./schema.ts";

const Probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Name = v.nullable(v.string());
const Value = v.union([v.string(), v.boolean()]);

const Answer = v.variant("type", [
  v.object({ type: v.literal("predicate"), name: Name, probability: described(Probability, "That it holds.") }),
  v.object({
    ...{ type: v.literal("choice"), name: Name, choice: Value, confidence: Probability },
    probabilities: v.array(v.object({ value: Value, probability: Probability })),
  }),
  v.object({
    ...{ type: v.literal("score"), name: Name, score: described(v.number(), "The mean of the levels, counted from 0.") },
    confidence: Probability,
    probabilities: v.array(v.object({ label: v.string(), value: Count, probability: Probability })),
  }),
]);

const Decision = v.object({
  answers: described(v.array(Answer), "In the order of the questions."),
  model: v.string(),
  usage: v.object({
    input_tokens: Count,
    input_tokens_details: v.object({ cached_tokens: Count, cache_write_tokens: Count }),
    output_tokens: Count,
    output_tokens_details: v.object({ reasoning_tokens: Count }),
    total_tokens: Count,
  }),
});

export const decisionOperations: Operation[] = [
  {
    ...{
      id: "createDecision",
      method: "post",
      path: "/v1/decisions",
      tag: "Decisions",
      summary: "Answer questions about an input by probabilities",
    },
    description:
      "Each question is answered by how likely the model finds each of the answers that may be given. No text is generated.",
    body: {
      schema: v.looseObject({ ...DecisionRequest.entries, input: InputReference }),
      examples: {
        predicate: {
          input: "My order has not come for three weeks!",
          questions: [{ type: "predicate", instructions: "Is this a complaint?" }],
        },
        choice: {
          input: "My order has not come for three weeks!",
          questions: [
            {
              type: "choice",
              name: "team",
              instructions: "Who should answer?",
              choices: [{ value: "sales" }, { value: "support" }],
            },
          ],
        },
      },
    },
    answer: {
      description: "The answers.",
      schema: Decision,
      example: {
        answers: [{ type: "predicate", name: null, probability: 0.97 }],
        model: "qwen3-4b",
        usage: {
          ...{ input_tokens: 48, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 } },
          ...{ output_tokens: 0, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 48 },
        },
      },
    },
    errors: GENERATION_ERRORS,
  },
];
