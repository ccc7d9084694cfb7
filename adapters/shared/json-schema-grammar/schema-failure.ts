// The last look at a finished text: by a library of its own, so that a fault of the grammar is seen.
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import type { SchemaFailure } from "../../adapter.ts";
import { checkedSchema, withoutKeywords } from "./checked-schema.ts";
import { TooManyStates } from "./regex/work.ts";
import { openSchema } from "./schema-grammar.ts";
import type { KeywordPlace } from "./schema/alternatives.ts";
import { UnsupportedSchema } from "./unsupported-schema.ts";

/**
 * Undefined where the text is JSON that fits all of the schema but what was passed over; and where it would cost more than is fair to see that it
 * does not: other requests wait meanwhile, and the text is given either way.
 */
export function schemaFailure(schema: unknown, text: string, passed_over: readonly KeywordPlace[]): SchemaFailure | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { pointer: "", keyword: "type" };
  }
  const judged = withoutKeywords(schema, passed_over);
  return libraryFailure(judged, value) ?? ownFailure(judged, value);
}

/** Schemas that the library looks into for one text, of a few microseconds each: alternatives that hold each other double them at each level. */
const MOST_VISITS = 50_000;

/** Undefined, too, where the library throws: it does so over addresses that are none, or stand twice, and over halves of surrogate pairs. */
function libraryFailure(schema: unknown, value: unknown): SchemaFailure | undefined {
  try {
    const checked = checkedSchema(schema);
    countVisits(checked, MOST_VISITS);
    const { valid, errors } = new Validator(checked as Schema, "2020-12").validate(value);
    return valid ? undefined : firstFailure(errors);
  } catch {
    return undefined;
  }
}

/** Throws once the library has looked into the schemas so often: it reads this keyword of each, which is none of draft 2020-12. */
function countVisits(schema: unknown, most: number): void {
  let left = most;
  const visited = {
    get: () => {
      if (left-- === 0) throw new TooManyStates();
      return undefined;
    },
  };
  const pending = [schema];
  while (pending.length > 0) {
    const found = pending.pop();
    if (typeof found !== "object" || found === null) continue;
    for (const part of Object.values(found)) pending.push(part);
    if (!Array.isArray(found)) Object.defineProperty(found, "$recursiveRef", visited);
  }
}

function ownFailure(schema: unknown, value: unknown): SchemaFailure | undefined {
  try {
    const { reader, document } = openSchema(schema, { strict: false });
    return reader.failure(value, [document.root]);
  } catch (error) {
    if (error instanceof TooManyStates || error instanceof UnsupportedSchema) return undefined;
    throw error;
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
