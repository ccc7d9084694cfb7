// What a schema permits at a place of the arguments, for syntaxes that do not say of what kind a value is.
import type { ValueKind } from "../../call-syntax.ts";
import { type OpenSchema, openSchema } from "../json-schema-grammar/schema-grammar.ts";
import { elementGoal, type Goal, goalKey, joinGoals } from "../json-schema-grammar/schema/alternatives.ts";
import { kindsOf } from "../json-schema-grammar/schema/kinds-of.ts";
import { propertyGoal } from "../json-schema-grammar/schema/property-goal.ts";
import { UnsupportedSchema } from "../json-schema-grammar/unsupported-schema.ts";
import { TooManyStates } from "../json-schema-grammar/regex/work.ts";

export interface ExpectedValue {
  kinds: ReadonlySet<ValueKind>;
  fits(value: unknown): boolean;
  property(name: string): ExpectedValue;
  item(index: number): ExpectedValue;
}

export const ANY_VALUE: ExpectedValue = {
  kinds: new Set<ValueKind>(["string", "number", "boolean", "null", "array", "object"]),
  fits: () => true,
  property: () => ANY_VALUE,
  item: () => ANY_VALUE,
};

/** The schema is read when something is asked of it. Of one that cannot be read any value is expected. */
export function expectedValue(schema: unknown): ExpectedValue {
  let opened: OpenSchema | undefined;
  return valueOf(() => {
    opened ??= openSchema(schema, { strict: false });
    return { opened, goals: [[opened.document.root]] };
  });
}

/** More alternatives of a place than these are not told apart. */
const MOST_GOALS = 200;

/** `find`: the schemas of which the value fits one. */
function valueOf(find: () => { opened: OpenSchema; goals: readonly Goal[] }): ExpectedValue {
  const within = once(() =>
    readable(() => {
      const { opened, goals } = find();
      if (goals.length > MOST_GOALS) return undefined;
      const alternatives = goals.flatMap((goal) => opened.reader.alternatives(goal));
      return { opened, alternatives, kinds: kindsOf(alternatives) };
    }, undefined),
  );
  const part = (goalsOf: (found: NonNullable<ReturnType<typeof within>>) => Goal[]): ExpectedValue => {
    const found = within();
    if (found === undefined) return ANY_VALUE;
    return valueOf(() => ({ opened: found.opened, goals: distinct(goalsOf(found)) }));
  };
  return {
    get kinds() {
      return within()?.kinds ?? ANY_VALUE.kinds;
    },
    fits(value) {
      const found = within();
      return found === undefined || readable(() => found.opened.reader.holds(value, found.alternatives), true);
    },
    property: (name) =>
      part(({ opened, alternatives }) =>
        alternatives.flatMap((one) => {
          if (one.type === "object") return [joinGoals(propertyGoal(one.layers, name, opened.reader.work))];
          return one.type === "constants" ? constantParts(opened, one.values, name) : [];
        }),
      ),
    item: (index) =>
      part(({ opened, alternatives }) =>
        alternatives.flatMap((one) => {
          if (one.type === "array") return [elementGoal(one, index)];
          return one.type === "constants" ? constantParts(opened, one.values, index) : [];
        }),
      ),
  };
}

/** What constants have there. */
function constantParts({ document }: OpenSchema, values: readonly unknown[], key: string | number): Goal[] {
  return values.flatMap((value) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return [];
    return [[document.child(document.root, { const: (value as Record<string, unknown>)[key] }, "const")]];
  });
}

const distinct = (goals: readonly Goal[]): Goal[] => [...new Map(goals.map((goal) => [goalKey(goal), goal])).values()];

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

function readable<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnsupportedSchema || error instanceof TooManyStates) return otherwise;
    throw error;
  }
}
