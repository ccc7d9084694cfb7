// The last look at a finished text: by a library of its own, so that a fault of the grammar is seen.
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import type { SchemaFailure } from "../../adapter.ts";
import { checkedSchema } from "./checked-schema.ts";
import { openSchema } from "./schema-grammar.ts";
import type { KeywordPlace } from "./schema/alternatives.ts";

/** Undefined where the text is JSON that fits all of the schema but what was passed over. */
export function schemaFailure(schema: unknown, text: string, passed_over: readonly KeywordPlace[]): SchemaFailure | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { pointer: "", keyword: "type" };
  }
  const validator = new Validator(checkedSchema(schema, passed_over) as Schema, "2020-12");
  const { valid, errors } = validator.validate(value);
  if (!valid) return firstFailure(errors);
  const { reader, document } = openSchema(schema, false);
  return reader.failure(value, [document.root]);
}

/** An error of a part has those of the wholes before it. */
function firstFailure(errors: readonly OutputUnit[]): SchemaFailure {
  const deepest = errors.reduce((one, other) => (other.instanceLocation.length > one.instanceLocation.length ? other : one));
  const last = errors.findLast(({ instanceLocation }) => instanceLocation === deepest.instanceLocation) ?? deepest;
  return { pointer: decodeURIComponent(last.instanceLocation.replace(/^#/, "")), keyword: last.keyword };
}
