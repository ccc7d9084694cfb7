// The table of the parameters of decisions.
import type { Engine } from "../../../adapters/adapter.ts";
import { DECISION_PARAMETERS } from "../../../src/api/decisions/parameters.ts";
import { prepareDecision } from "../../../src/api/decisions/prepare.ts";
import { DecisionRequest } from "../../../src/api/decisions/schema.ts";
import { validateWith } from "../../../src/http/validate.ts";
import type { ParameterTable } from "./table.ts";

const QUESTION = { type: "predicate", instructions: "It is so." };

export const DECISIONS_TABLE: ParameterTable = {
  heading: "Parameters of decisions",
  source: "src/api/decisions/parameters.ts",
  list: DECISION_PARAMETERS,
  examples: {
    input: { input: [{ role: "user", content: "hello" }] },
    questions: { questions: [QUESTION, QUESTION] },
    model: { model: "tiny" },
    keep_alive: { keep_alive: 60 },
  },
  needed: { input: "hello", questions: [QUESTION] },
  async try(fields, model, adapter) {
    const request = validateWith(DecisionRequest, fields);
    const { ignored, weigh } = prepareDecision(request, fields, { model, adapter, cache_scope: "" });
    const engine: Partial<Engine> = {
      async *weigh() {
        yield { type: "answer", probabilities: [1, 0] };
      },
    };
    for await (const _ of weigh(engine as Engine, new AbortController().signal));
    return { ignored, handed_on: [] };
  },
};
