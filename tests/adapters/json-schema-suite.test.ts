// The official suite of JSON Schema, draft 2020-12, through llama.cpp's own matcher: how much of it is held, and that nothing of it is wrong.
import { beforeAll, expect, test } from "bun:test";
import { schemaGrammar } from "../../adapters/shared/json-schema-grammar/schema-grammar.ts";
import { UnsupportedSchema } from "../../adapters/shared/json-schema-grammar/unsupported-schema.ts";
import suite from "../fixtures/json-schema-suite/draft2020-12.json" with { type: "json" };
import { canonicalText } from "../support/canonical-json.ts";
import { openNativeGrammar } from "../support/native-grammar.ts";

type Instance = [description: string, value: unknown, valid: boolean];

let matcher: Awaited<ReturnType<typeof openNativeGrammar>>;
beforeAll(async () => {
  matcher = await openNativeGrammar();
});

test("no invalid instance is accepted, most groups are held, and most valid instances fit", () => {
  const counts = { groups: 0, held: 0, valid: 0, accepted: 0 };
  const refused: Record<string, number> = {};
  const wrong: string[] = [];
  const missed: string[] = [];
  for (const [file, group, schema, instances] of suite as unknown as [string, string, unknown, Instance[]][]) {
    counts.groups++;
    const takes = matcherOf(schema, (keyword) => (refused[keyword] = (refused[keyword] ?? 0) + 1));
    if (takes === undefined) continue;
    counts.held++;
    for (const [description, value, valid] of instances) {
      const name = `${file}: ${group}: ${description}`;
      const accepted = takes(canonicalText(value, schema));
      if (valid) {
        counts.valid++;
        if (accepted) counts.accepted++;
        else missed.push(name);
      } else if (accepted) wrong.push(name);
    }
  }
  console.log(JSON.stringify({ ...counts, refused }));
  expect(wrong).toEqual([]);
  expect(counts.groups).toBe(438);
  expect(counts.held).toBeGreaterThanOrEqual(300);
  expect(counts.accepted / counts.valid, missed.join("\n")).toBeGreaterThanOrEqual(0.95);
});

/** Undefined where the schema is refused; a schema that no value satisfies takes nothing. */
function matcherOf(schema: unknown, refuse: (keyword: string) => void): ((text: string) => boolean) | undefined {
  try {
    return matcher(schemaGrammar(schema, { strict: true, prefix: "suite" }));
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    if (error.reason === "no value satisfies it") return () => false;
    refuse(error.keyword);
    return undefined;
  }
}
