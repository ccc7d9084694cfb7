// What holds for a value that fits two alternatives.
import {
  type Holds,
  type TypedAlternative,
  type ArrayAlternative,
  type ConstantsAlternative,
  joinGoals,
  type NumberAlternative,
  type NumberBound,
  type ObjectAlternative,
  type StringAlternative,
} from "./alternatives.ts";
import { compareDecimals } from "./decimal.ts";

export function intersectAll(
  ones: readonly TypedAlternative[],
  others: readonly TypedAlternative[],
  holds: Holds,
): TypedAlternative[] {
  return ones.flatMap((one) => others.flatMap((other) => intersect(one, other, holds) ?? []));
}

function intersect(one: TypedAlternative, other: TypedAlternative, holds: Holds): TypedAlternative | undefined {
  if (one.type === "constants") return constants(one, other, holds);
  if (other.type === "constants") return constants(other, one, holds);
  if (one.type === "number" && other.type === "number") return numbers(one, other);
  if (one.type === "string" && other.type === "string") return strings(one, other);
  if (one.type === "array" && other.type === "array") return arrays(one, other);
  if (one.type === "object" && other.type === "object") return objects(one, other);
  return one.type === other.type ? one : undefined;
}

function constants(one: ConstantsAlternative, other: TypedAlternative, holds: Holds): TypedAlternative | undefined {
  const values = one.values.filter((value) => holds(value, [other]));
  return values.length === 0 ? undefined : { ...one, values };
}

function numbers(one: NumberAlternative, other: NumberAlternative): NumberAlternative | undefined {
  const min = tighter(one.min, other.min, 1);
  const max = tighter(one.max, other.max, -1);
  if (isEmptyRange(min, max)) return undefined;
  return {
    ...{ type: "number", integer: one.integer || other.integer, multiples: [...one.multiples, ...other.multiples] },
    ...(min && { min }),
    ...(max && { max }),
  };
}

export function isEmptyRange(min: NumberBound | undefined, max: NumberBound | undefined): boolean {
  if (min === undefined || max === undefined) return false;
  const compared = compareDecimals(min.value, max.value);
  return compared > 0 || (compared === 0 && (min.exclusive || max.exclusive));
}

/** `sign`: 1 for lower bounds, -1 for upper ones. */
export function tighter(one: NumberBound | undefined, other: NumberBound | undefined, sign: 1 | -1): NumberBound | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const compared = compareDecimals(one.value, other.value) * sign;
  if (compared === 0) return one.exclusive ? one : other;
  return compared > 0 ? one : other;
}

function strings(one: StringAlternative, other: StringAlternative): StringAlternative | undefined {
  const [min, max] = lengths(one, other);
  if (min > max) return undefined;
  const bounds = one.bounds ?? other.bounds;
  return { type: "string", min, max, ...(bounds && { bounds }), patterns: [...new Set([...one.patterns, ...other.patterns])] };
}

function arrays(one: ArrayAlternative, other: ArrayAlternative): ArrayAlternative | undefined {
  const [min, max] = lengths(one, other);
  return min > max ? undefined : { type: "array", min, max, layers: [...new Set([...one.layers, ...other.layers])] };
}

function objects(one: ObjectAlternative, other: ObjectAlternative): ObjectAlternative | undefined {
  const [min, max] = lengths(one, other);
  if (min > max) return undefined;
  const min_place = one.min === min ? (one.min_place ?? other.min_place) : other.min_place;
  return {
    ...{ type: "object", min, max, layers: [...new Set([...one.layers, ...other.layers])] },
    required: [...new Set([...one.required, ...other.required])],
    dependent: [...one.dependent, ...other.dependent],
    names: joinGoals(one.names, other.names),
    ...(min_place && { min_place }),
  };
}

const lengths = (one: { min: number; max: number }, other: { min: number; max: number }): [min: number, max: number] => [
  Math.max(one.min, other.min),
  Math.min(one.max, other.max),
];
