// A schema as a library is to judge a finished text by it.
import type { KeywordPlace } from "./schema/alternatives.ts";
import { isObject } from "./schema/subschemas.ts";
import { subschemasOf } from "./schema/subschemas.ts";

/** What the grammar alone holds: an engine of regular expressions may take longer over a text than its generation did. */
const LEFT_OUT = ["pattern", "patternProperties", "format"];
/** What looks at names that patterns fit; without the patterns it would judge too much. */
const BESIDE_PATTERNS = ["additionalProperties", "unevaluatedProperties"];
/** A keyword that is passed over takes along those that mean nothing without it. */
const COMPANIONS: Record<string, string[]> = {
  if: ["then", "else"],
  contains: ["minContains", "maxContains"],
  patternProperties: BESIDE_PATTERNS,
};

/** The same without the keywords that are not judged, and with what older drafts and OpenAPI say put into words of draft 2020-12. */
export function checkedSchema(schema: unknown, passed_over: readonly KeywordPlace[]): unknown {
  const left = new Map<string, string[]>();
  for (const { pointer, keyword } of passed_over) left.set(pointer, [...(left.get(pointer) ?? []), keyword]);
  const copy = structuredClone(schema);
  const pending: [pointer: string, schema: unknown][] = [["", copy]];
  while (pending.length > 0) {
    const [pointer, found] = pending.pop()!;
    if (!isObject(found)) continue;
    const keywords = found as Record<string, unknown>;
    for (const [path, part] of subschemasOf(keywords)) pending.push([pointer + path, part]);
    modernize(keywords);
    const gone = [...LEFT_OUT, ...(left.get(pointer) ?? [])];
    if (keywords["patternProperties"] !== undefined) gone.push(...BESIDE_PATTERNS);
    for (const keyword of gone.flatMap((keyword) => [keyword, ...(COMPANIONS[keyword] ?? []).filter(() => left.has(pointer))]))
      delete keywords[keyword];
  }
  return copy;
}

function modernize(keywords: Record<string, unknown>): void {
  if (keywords["nullable"] === true && keywords["type"] !== undefined) keywords["type"] = [keywords["type"], "null"].flat();
  for (const [flag, bound] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    if (typeof keywords[flag] !== "boolean") continue;
    const isSet = keywords[flag] && keywords[bound] !== undefined;
    delete keywords[flag];
    if (isSet) keywords[flag] = keywords[bound];
  }
}
