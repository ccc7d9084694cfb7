// JSON Schema to GBNF. What is accepted is enforced exactly: no text of the grammar breaks a keyword that is not named as passed over.
import { JSON_NOTATION } from "./emit/json-notation.ts";
import { createValueEmitter, type ValueEmitter } from "./emit/value.ts";
import { TooManyStates } from "./regex/work.ts";
import { type PrintedRules, printRules } from "./rules/print.ts";
import type { KeywordPlace } from "./schema/alternatives.ts";
import { refuseManyReadings } from "./readings.ts";
import { createSchemaReader, type SchemaReader } from "./schema/alternatives-of.ts";
import { openDocument, type SchemaDocument } from "./schema/document.ts";
import { refusedByStrict, UnsupportedSchema } from "./unsupported-schema.ts";

export interface SchemaGrammar {
  /** Lines of GBNF; each name begins with the prefix and a hyphen. */
  rules: string;
  /** The name of the rule of the value. */
  root: string;
  passed_over: KeywordPlace[];
}

export interface SchemaGrammarOptions {
  /** A keyword that cannot be enforced throws; else it is passed over, and named. */
  strict: boolean;
  /** Letters, digits and hyphens. */
  prefix: string;
  /**
   * Objects have no properties but those that their schema names, where it says nothing of others: it would let a model invent them without
   * an end. Absent: they may have what the schema lets them have.
   */
  named_only?: boolean;
}

const LONGEST_SCHEMA = 256 * 1024;
const LONGEST_GRAMMAR = 1024 * 1024;
const MOST_RULES = 6_000;

export const rethrow = (error: UnsupportedSchema): never => {
  throw error;
};

/** Throws `UnsupportedSchema`: under `strict`, and where no value fits, or a reference leads nowhere or in a circle. */
export function schemaGrammar(schema: unknown, options: SchemaGrammarOptions): SchemaGrammar {
  return withinLimits(() => {
    const opened = openSchema(schema, options);
    const emitter = createValueEmitter();
    const { reader, document, named_only, passed_over } = opened;
    const root = emitter.emit(reader, [document.root], { notation: JSON_NOTATION, named_only });
    const { rules, roots } = printGrammar(emitter, [{ opened, root }], options.prefix);
    return { rules, root: roots[0]!, passed_over: [...passed_over.values()] };
  });
}

export interface OpenSchema {
  document: SchemaDocument;
  reader: SchemaReader;
  passed_over: Map<string, KeywordPlace>;
  /** Values that the schema lists: their number does not count as rules. */
  listed: number;
  named_only: boolean;
}

export function openSchema(schema: unknown, { strict, named_only = false }: Omit<SchemaGrammarOptions, "prefix">): OpenSchema {
  const text = textOf(schema);
  if (text === undefined || text.length > LONGEST_SCHEMA)
    throw new UnsupportedSchema("", "", `it is no JSON of at most ${LONGEST_SCHEMA / 1024} KiB`);
  const passed_over = new Map<string, KeywordPlace>();
  const report = (pointer: string, keyword: string, reason: string): void => {
    if (strict) throw refusedByStrict(pointer, keyword, reason);
    passed_over.set(`${pointer} ${keyword}`, { pointer, keyword });
  };
  const document = openDocument(schema, report);
  const reader = createSchemaReader(document, report);
  return { document, reader, passed_over, listed: text.includes('"enum"') ? text.split(",").length : 0, named_only };
}

/** Throws `UnsupportedSchema` where the patterns of a schema, taken together, cost more than is fair. */
export function withinLimits<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TooManyStates) throw new UnsupportedSchema("", "", "its parts, taken together, take too many states");
    throw error;
  }
}

/** Throws `UnsupportedSchema` where no value fits one of the roots, or the grammar is beyond its limits. */
export function printGrammar(
  { rules }: ValueEmitter,
  roots: readonly { opened: OpenSchema; root: number }[],
  prefix: string,
  onError: (error: UnsupportedSchema, index: number) => never = rethrow,
): Pick<PrintedRules, "rules" | "roots"> {
  const printed = printRules(
    rules,
    roots.map(({ root }) => root),
    prefix,
    (index) => onError(roots[index]!.opened.reader.left_out[0] ?? new UnsupportedSchema("", "", "no value satisfies it"), index),
  );
  const most = roots.reduce((sum, { opened }) => sum + MOST_RULES + 2 * opened.listed, 0);
  if (printed.count > most)
    throw new UnsupportedSchema("", "", `it takes ${printed.count} rules, and at most ${most} are permitted`);
  if (printed.rules.length > LONGEST_GRAMMAR)
    throw new UnsupportedSchema("", "", `its grammar is longer than ${LONGEST_GRAMMAR / 1024} KiB`);
  refuseManyReadings(rules);
  return printed;
}

/** Undefined for what is no JSON, or is nested deeper than JSON can be written. */
function textOf(schema: unknown): string | undefined {
  try {
    return JSON.stringify(schema);
  } catch {
    return undefined;
  }
}
