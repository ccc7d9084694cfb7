// Random schemas and values: the grammar takes a value, its names in one order, exactly where ajv calls it valid; and the last look agrees.
import { beforeAll, expect, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { schemaFailure } from "../../adapters/shared/json-schema-grammar/schema-failure.ts";
import { schemaGrammar } from "../../adapters/shared/json-schema-grammar/schema-grammar.ts";
import { UnsupportedSchema } from "../../adapters/shared/json-schema-grammar/unsupported-schema.ts";
import { textsInAllOrders } from "../support/key-orders.ts";
import { openNativeGrammar } from "../support/native-grammar.ts";
import { createDice, type Dice, likelyValue, randomSchema, randomValue } from "../support/random-schemas.ts";

let matcher: Awaited<ReturnType<typeof openNativeGrammar>>;
beforeAll(async () => {
  matcher = await openNativeGrammar();
});

const SCHEMAS = 150;
const VALUES = 8;

test("what ajv calls valid is what the grammar takes", () => {
  const counts = { held: 0, loose: 0, valid: 0, invalid: 0 };
  for (let seed = 0; seed < SCHEMAS; seed++) {
    const dice = createDice(seed);
    const schema = randomSchema(dice);
    const found = grammarOf(schema);
    if (found === undefined) continue;
    const validate = new Ajv2020({ strict: false, validateSchema: false, logger: false }).compile(schema as object);
    if (found.passed_over.length > 0) counts.loose++;
    else counts.held++;
    for (const value of valuesFor(dice, schema)) {
      const said = JSON.stringify({ seed, value });
      const valid = validate(value);
      if (valid) counts.valid++;
      else counts.invalid++;
      const accepted = textsInAllOrders(value).some(found.takes);
      const holds = schemaFailure(schema, JSON.stringify(value), found.passed_over) === undefined;
      // Without the keywords that were passed over more is valid, and never less.
      if (found.passed_over.length === 0 || valid) expect([accepted, holds], said).toEqual([valid, valid]);
    }
  }
  expect(Math.min(counts.held, counts.loose)).toBeGreaterThan(20);
  expect(Math.min(counts.valid, counts.invalid)).toBeGreaterThan(200);
});

const valuesFor = (dice: Dice, schema: unknown): unknown[] =>
  Array.from({ length: VALUES }, (_, i) => (i % 4 === 3 ? randomValue(dice) : likelyValue(dice, schema)));

function grammarOf(schema: unknown) {
  try {
    const { rules, root, passed_over } = schemaGrammar(schema, { strict: false, prefix: "random" });
    return { takes: matcher({ rules, root }), passed_over };
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    return error.reason === "no value satisfies it" ? { takes: () => false, passed_over: [] } : undefined;
  }
}
