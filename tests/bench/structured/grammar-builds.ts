// How long a grammar takes to be built, in milliseconds of this thread's processor time: first and later builds.
import { schemaGrammar } from "../../../adapters/shared/json-schema-grammar/schema-grammar.ts";
import { schemaGrammars } from "../../../adapters/shared/json-schema-grammar/schema-grammars.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 30);

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `field_${((i * 7_919) % 100_003).toString(36)}_${i}`);
const KINDS = [{ type: "string" }, { type: "integer" }, { type: "boolean" }, { type: "array", items: { type: "number" } }];

const optional = {
  type: "object",
  properties: Object.fromEntries(names(200).map((name, i) => [name, KINDS[i % KINDS.length]])),
};

const tool = (i: number) => ({
  type: "object",
  properties: {
    [`path_${i}`]: { type: "string", description: "Where to look." },
    mode: { type: "string", enum: ["read", "write", "append"] },
    count: { type: "integer", minimum: 1, maximum: 100 },
    tags: { type: "array", items: { type: "string" } },
    options: { type: "object", properties: { deep: { type: "boolean" }, name: { type: "string" } }, required: ["deep"] },
  },
  required: [`path_${i}`],
});
const tools = Array.from({ length: 128 }, (_, i) => ({ schema: tool(i), strict: false }));

const one = (schema: unknown) => () => schemaGrammar(schema, { strict: true, prefix: "bench" });

const BUILDS: Record<string, () => { rules: string }> = {
  "200 optional properties": one(optional),
  "200 optional properties, no others": () => schemaGrammar(optional, { strict: true, prefix: "bench", named_only: true }),
  "enum of 5,000": one({ type: "string", enum: names(5_000) }),
  "128 tools": () => schemaGrammars(tools, { prefix: "bench", named_only: true }),
  "the format email": one({ type: "string", format: "email" }),
};

/** Rows of the table. */
export function grammarBuilds(): Record<string, Record<string, number>> {
  const rows: Record<string, Record<string, number>> = {};
  for (const [name, build] of Object.entries(BUILDS)) {
    const times = Array.from({ length: ROUNDS }, () => {
      const before = process.cpuUsage();
      build();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000;
    });
    const later = times.slice(1).toSorted((one, other) => one - other);
    rows[name] = {
      "first (ms)": round(times[0]!),
      "best (ms)": round(later[0]!),
      "median (ms)": round(later[later.length >> 1]!),
      KiB: Math.round(build().rules.length / 1_024),
    };
  }
  return rows;
}

const round = (ms: number): number => Math.round(ms * 10) / 10;
