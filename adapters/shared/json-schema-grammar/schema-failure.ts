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
  const failed = libraryFailure(checkedSchema(schema, passed_over) as Schema, value);
  if (failed !== undefined) return failed;
  const { reader, document } = openSchema(schema, { strict: false });
  return reader.failure(value, [document.root]);
}

/** Undefined, too, where the library throws: it does so over addresses that are none, or stand twice, and over halves of surrogate pairs. */
function libraryFailure(schema: Schema, value: unknown): SchemaFailure | undefined {
  try {
    const { valid, errors } = new Validator(schema, "2020-12").validate(value);
    return valid ? undefined : firstFailure(errors);
  } catch {
    return undefined;
  }
}

/** An error of a part has those of the wholes before it. The schema `false` is no keyword: whichever has it is at fault. */
function firstFailure(errors: readonly OutputUnit[]): SchemaFailure {
  const named = errors.filter(({ keyword }) => keyword !== "false");
  const depth = Math.max(...named.map(({ instanceLocation }) => instanceLocation.length));
  const innermost = named.findLast(({ instanceLocation }) => instanceLocation.length === depth);
  return {
    pointer: decodeURIComponent(innermost?.instanceLocation.slice(1) ?? ""),
    keyword: innermost?.keyword ?? "type",
  };
}
