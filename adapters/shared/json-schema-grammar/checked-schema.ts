// A schema as a library is to judge a finished text by it.
import type { KeywordPlace } from "./schema/alternatives.ts";
import { isObject, subschemasOf } from "./schema/subschemas.ts";

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

/** The same without the keywords at these places. */
export function withoutKeywords(schema: unknown, places: readonly KeywordPlace[]): unknown {
  if (places.length === 0) return schema;
  const gone = Map.groupBy(places, ({ pointer }) => pointer);
  const copy = structuredClone(schema);
  for (const [pointer, keywords] of schemasWithin(copy)) {
    const found = (gone.get(pointer) ?? []).map(({ keyword }) => keyword);
    for (const keyword of found.flatMap((keyword) => [keyword, ...(COMPANIONS[keyword] ?? [])])) delete keywords[keyword];
  }
  return copy;
}

/** A copy without what the grammar alone holds, and with what older drafts and OpenAPI say put into words of draft 2020-12. */
export function checkedSchema(schema: unknown): unknown {
  const copy = structuredClone(schema);
  for (const [, keywords] of schemasWithin(copy)) {
    modernize(keywords);
    const gone = keywords["patternProperties"] === undefined ? LEFT_OUT : [...LEFT_OUT, ...BESIDE_PATTERNS];
    for (const keyword of gone) delete keywords[keyword];
  }
  return copy;
}

/** Each schema by its pointer; what is deleted of one is not looked into. */
function* schemasWithin(root: unknown): Generator<[pointer: string, keywords: Record<string, unknown>]> {
  const pending: [pointer: string, schema: unknown][] = [["", root]];
  while (pending.length > 0) {
    const [pointer, found] = pending.pop()!;
    if (!isObject(found)) continue;
    yield [pointer, found as Record<string, unknown>];
    for (const [path, part] of subschemasOf(found)) pending.push([pointer + path, part]);
  }
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
