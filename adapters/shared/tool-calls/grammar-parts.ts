// The rules of all tools of a request, in which what they have in common stands once.
import { AdapterError } from "../../adapter.ts";
import { type SchemaGrammars, schemaGrammars } from "../json-schema-grammar/schema-grammars.ts";
import { textWithout } from "../json-schema-grammar/text-grammars.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import { createRuleList, type RuleList } from "./rule-list.ts";

/** A schema of a tool, or a part of one at this place. */
export interface PlacedSchema {
  schema: unknown;
  strict: boolean;
  /** The place of the tool in the request. */
  tool: number;
  pointer: string;
}

export interface GrammarParts {
  rules: RuleList;
  /** The rule of any text without the marker. */
  text(marker: string): string;
  /** The rule of a value as JSON. */
  value(placed: PlacedSchema): string;
  passOver(tool: number, pointer: string, keyword: string): void;
  /** All lines, and the paths of what is passed over. Throws `AdapterError` `unsupported_schema`. */
  finish(): { lines: string[]; passed_over: string[] };
}

export function createGrammarParts(): GrammarParts {
  const rules = createRuleList("c");
  const texts = new Map<string, string>();
  const values = new Map<string, PlacedSchema & { rule: string }>();
  const passed_over = new Set<string>();
  const passOver = (tool: number, pointer: string, keyword: string): void =>
    void passed_over.add(`${pathOf(tool)}#${pointer}/${keyword}`);
  return {
    rules,
    passOver,
    text(marker) {
      const rule = texts.get(marker) ?? rules.include(textWithout(marker, rules.name()));
      texts.set(marker, rule);
      return rule;
    },
    value(placed) {
      const key = JSON.stringify([placed.schema, placed.strict]);
      const known = values.get(key);
      if (known !== undefined) return known.rule;
      const rule = rules.name();
      values.set(key, { ...placed, rule });
      return rule;
    },
    finish() {
      const placed = [...values.values()];
      const grammars = allGrammars(placed, "v");
      for (const [index, { tool, pointer, rule }] of placed.entries()) {
        const { root, passed_over: keywords } = grammars.values[index]!;
        rules.define(rule, root);
        for (const found of keywords) passOver(tool, placeOf(found.pointer, pointer), found.keyword);
      }
      return { lines: [...rules.lines, grammars.rules], passed_over: [...passed_over] };
    },
  };
}

function allGrammars(placed: readonly PlacedSchema[], prefix: string): SchemaGrammars {
  try {
    return schemaGrammars(placed, { prefix }, (error, index) => {
      throw unsupported(error, placed[index]!.tool);
    });
  } catch (error) {
    // What is left is what all of them are together.
    if (error instanceof UnsupportedSchema) throw tooLong(error);
    throw error;
  }
}

/** Runs what may find a schema of this tool to be one that cannot be held. */
export function forTool<Result>(tool: number, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    throw unsupported(error, tool);
  }
}

export function tooLong(cause?: UnsupportedSchema): AdapterError {
  const message = "The grammar of these tools is too long. Send fewer of them, or smaller schemas.";
  return new AdapterError("request_refused", message, { param: "tools", cause });
}

const pathOf = (tool: number): string => `tools[${tool}].function.parameters`;

const unsupported = (error: UnsupportedSchema, tool: number): AdapterError =>
  new AdapterError("unsupported_schema", error.message, { param: pathOf(tool), cause: error });

/** Definitions have the place that they have in the whole schema. */
const placeOf = (pointer: string, within: string): string =>
  /^\/(\$defs|definitions)\//.test(pointer) ? pointer : within + pointer.replace(/^\/allOf\/0/, "");
