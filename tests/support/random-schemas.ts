// Random schemas and values that may fit them, the same for the same seed.

export interface Dice {
  /** From 0 to one below. */
  below(count: number): number;
  oneOf<T>(things: readonly T[]): T;
  /** True so often out of a hundred. */
  chance(percent: number): boolean;
}

export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const below = (count: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  };
  return { below, oneOf: (things) => things[below(things.length)]!, chance: (percent) => below(100) < percent };
}

const NAMES = ["a", "ab", "b", 'c"', "é"];
const TEXTS = ["", "a", "b", "ab", "aab", "abab", "é", "a\n", '"', "z9", "x-1", "\\", "😀", "😀a"];
const NUMBERS = [0, 1, -1, 2, 3, 4, 6, 7, 10, 12, 25, 99, 100, 101, -5, -12, 0.5, 1.5, 2.25, -0.5, -2.75, 10.25, 1e15, 0.001];
const BOUNDS = [0, 1, -1, 3, 10, 12.5, -2.5, 100, 0.25, -10];
const PATTERNS = [
  "^a",
  "b$",
  "^[ab]*$",
  "^.{2,3}$",
  "^(a|ab)+$",
  "[0-9]",
  "^\\p{L}+$",
  "^$",
  "a.b",
  "^x-\\d{1,2}$",
  "^[^a]*$",
  "^a|b$",
];

export function randomSchema(dice: Dice, depth = 0): unknown {
  if (dice.chance(4)) return dice.chance(80);
  if ((depth === 1 || depth === 2) && dice.chance(6)) return { $ref: "#/$defs/shared" };
  const schema: Record<string, unknown> = {};
  if (dice.chance(70)) {
    const type = dice.oneOf(["null", "boolean", "integer", "number", "string", "string", "array", "object", "object"]);
    schema["type"] = dice.chance(20) ? [...new Set([type, dice.oneOf(["null", "string", "number"])])] : type;
  }
  const types = [schema["type"] ?? ["number", "string", "array", "object"]].flat();
  if (types.includes("number") || types.includes("integer")) numberKeywords(dice, schema);
  if (types.includes("string")) textKeywords(dice, schema);
  if (types.includes("array")) arrayKeywords(dice, schema, depth);
  if (types.includes("object")) objectKeywords(dice, schema, depth);
  if (dice.chance(8)) schema["enum"] = Array.from({ length: 1 + dice.below(4) }, () => randomValue(dice, 1));
  if (dice.chance(4)) schema["const"] = randomValue(dice, 1);
  if (depth < 3) {
    for (const keyword of ["anyOf", "allOf", "oneOf"])
      if (dice.chance(7)) schema[keyword] = Array.from({ length: 1 + dice.below(3) }, () => randomSchema(dice, depth + 1));
    if (dice.chance(4)) schema["not"] = randomSchema(dice, 3);
    if (dice.chance(3)) schema["dependentSchemas"] = { [dice.oneOf(NAMES)]: randomSchema(dice, 3) };
    if (dice.chance(3)) for (const keyword of ["if", "then", "else"]) schema[keyword] = randomSchema(dice, 3);
  }
  if (depth === 0) schema["$defs"] = { shared: randomSchema(dice, 1) };
  return schema;
}

function numberKeywords(dice: Dice, schema: Record<string, unknown>): void {
  const [low, high] = [dice.oneOf(BOUNDS), dice.oneOf(BOUNDS)].toSorted((one, other) => one - other);
  if (dice.chance(25)) schema[dice.oneOf(["minimum", "exclusiveMinimum"])] = low;
  if (dice.chance(25) && low !== high) schema[dice.oneOf(["maximum", "exclusiveMaximum"])] = high;
  if (dice.chance(12)) schema["multipleOf"] = dice.oneOf([1, 2, 3, 0.5, 0.25]);
}

function textKeywords(dice: Dice, schema: Record<string, unknown>): void {
  if (dice.chance(20)) schema["minLength"] = dice.below(3);
  if (dice.chance(20)) schema["maxLength"] = 2 + dice.below(3);
  if (dice.chance(25)) schema["pattern"] = dice.oneOf(PATTERNS);
}

function arrayKeywords(dice: Dice, schema: Record<string, unknown>, depth: number): void {
  if (dice.chance(20)) schema["minItems"] = dice.below(3);
  if (dice.chance(20)) schema["maxItems"] = 2 + dice.below(2);
  if (depth > 2) return;
  if (dice.chance(20)) schema["prefixItems"] = Array.from({ length: 1 + dice.below(2) }, () => randomSchema(dice, depth + 1));
  if (dice.chance(40)) schema["items"] = randomSchema(dice, depth + 1);
}

function objectKeywords(dice: Dice, schema: Record<string, unknown>, depth: number): void {
  if (dice.chance(15)) schema["minProperties"] = dice.below(3);
  if (dice.chance(15)) schema["maxProperties"] = 2 + dice.below(2);
  if (dice.chance(30)) schema["required"] = [...new Set([dice.oneOf(NAMES), dice.oneOf(NAMES)])].slice(dice.below(2));
  if (dice.chance(10)) schema["dependentRequired"] = { [dice.oneOf(NAMES)]: [dice.oneOf(NAMES)] };
  if (dice.chance(10)) schema["propertyNames"] = dice.oneOf([{ maxLength: 1 }, { pattern: "^[ab]" }, { enum: ["a", "é"] }]);
  if (depth > 2) return;
  if (dice.chance(70))
    schema["properties"] = Object.fromEntries(
      NAMES.filter(() => dice.chance(45)).map((name) => [name, randomSchema(dice, depth + 1)]),
    );
  if (dice.chance(15)) schema["patternProperties"] = { [dice.oneOf(["^a", "b", "^.$"])]: randomSchema(dice, depth + 1) };
  if (dice.chance(40)) schema["additionalProperties"] = dice.chance(50) ? false : randomSchema(dice, depth + 1);
}

export function randomValue(dice: Dice, depth = 0): unknown {
  const kind = dice.below(depth > 2 ? 5 : 9);
  if (kind === 0) return dice.oneOf([null, true, false]);
  if (kind <= 2) return dice.oneOf(NUMBERS);
  if (kind <= 4) return dice.oneOf(TEXTS);
  if (kind <= 6) return Array.from({ length: dice.below(4) }, () => randomValue(dice, depth + 1));
  return Object.fromEntries([...NAMES, "zz"].filter(() => dice.chance(35)).map((name) => [name, randomValue(dice, depth + 1)]));
}

/** A value made after the schema, which often fits it. */
export function likelyValue(dice: Dice, schema: unknown, depth = 0): unknown {
  if (typeof schema !== "object" || schema === null || depth > 4 || dice.chance(8)) return randomValue(dice, depth);
  const { type, properties, items, prefixItems, required, anyOf, allOf, oneOf, additionalProperties, ...more } = schema as Record<
    string,
    unknown
  >;
  if ("const" in more) return more["const"];
  if (Array.isArray(more["enum"]) && dice.chance(90)) return dice.oneOf(more["enum"]);
  const branches = [anyOf, allOf, oneOf].flatMap((list) => (Array.isArray(list) ? list : []));
  if (branches.length > 0 && dice.chance(50)) return likelyValue(dice, dice.oneOf(branches), depth + 1);
  switch (dice.oneOf([type ?? dice.oneOf(["string", "number", "array", "object"])].flat())) {
    case "null":
      return null;
    case "boolean":
      return dice.chance(50);
    case "integer":
      return dice.oneOf(NUMBERS.filter(Number.isInteger));
    case "number":
      return dice.oneOf(NUMBERS);
    case "string":
      return dice.oneOf(TEXTS);
    case "array":
      return Array.from({ length: dice.below(4) }, (_, i) =>
        likelyValue(dice, (Array.isArray(prefixItems) ? prefixItems[i] : undefined) ?? items ?? true, depth + 1),
      );
    default: {
      const named = (properties ?? {}) as Record<string, unknown>;
      const needed = Array.isArray(required) ? required : [];
      const chosen = [...NAMES, "zz"].filter(
        (name) => needed.includes(name) || (name in named ? dice.chance(60) : dice.chance(10)),
      );
      return Object.fromEntries(
        chosen.map((name) => [name, likelyValue(dice, named[name] ?? additionalProperties ?? true, depth + 1)]),
      );
    }
  }
}
