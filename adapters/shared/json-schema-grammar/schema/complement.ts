// What fits none of some alternatives, where alternatives can say it.
import { textRegex } from "../regex/regex.ts";
import {
  ANYTHING,
  anyArray,
  anyString,
  type ArrayAlternative,
  type ConstantsAlternative,
  type KeywordPlace,
  type StringAlternative,
  type TextPattern,
  type TypedAlternative,
} from "./alternatives.ts";
import { kindOf } from "./kinds-of.ts";

/** What fits each of these lists is what fits none of the alternatives. Undefined where that cannot be said; `place`: of the keyword that asks for it. */
export function complement(
  alternatives: readonly TypedAlternative[],
  place: KeywordPlace,
): (readonly TypedAlternative[])[] | undefined {
  const lists = alternatives.map((alternative) => {
    if (alternative.type === "constants") return otherThan(alternative, place);
    const others = ofOwnType(alternative, place);
    return others && [...withoutType(alternative.type), ...others];
  });
  return lists.every((list) => list !== undefined) ? lists : undefined;
}

const withoutType = (type: string): TypedAlternative[] => ANYTHING.filter((other) => other.type !== type);

/** Values of the alternative's own type that do not fit it. */
function ofOwnType(alternative: TypedAlternative, place: KeywordPlace): TypedAlternative[] | undefined {
  switch (alternative.type) {
    case "null":
    case "boolean":
      return [];
    case "number": {
      const { integer, min, max, multiples } = alternative;
      if (integer || multiples.length > 0) return undefined;
      const number = { type: "number", integer: false, multiples: [] } as const;
      const below = min && { ...number, max: { ...min, exclusive: !min.exclusive, place } };
      const above = max && { ...number, min: { ...max, exclusive: !max.exclusive, place } };
      return [below, above].filter((part) => part !== undefined);
    }
    case "string":
      return [
        ...alternative.patterns
          .filter(({ excluded }) => !excluded)
          .map(({ regex }) => without([{ ...place, regex, excluded: true }])),
        ...alternative.patterns.filter(({ excluded }) => excluded).map(({ regex }) => without([{ ...place, regex }])),
        ...otherLengths(alternative).map((lengths) => ({ ...anyString, ...lengths, bounds: place })),
      ];
    case "array":
      return alternative.layers.length > 0
        ? undefined
        : otherLengths(alternative).map((lengths) => ({ ...anyArray, ...lengths }));
    case "object": {
      const { layers, required, dependent, names, min, max } = alternative;
      const saysNothing = layers.length + required.length + dependent.length + names.length + min === 0 && max === Infinity;
      return saysNothing ? [] : undefined;
    }
    default:
      return undefined;
  }
}

function otherLengths({ min, max }: StringAlternative | ArrayAlternative): { min: number; max: number }[] {
  const shorter = min > 0 ? [{ min: 0, max: min - 1 }] : [];
  return max < Infinity ? [...shorter, { min: max + 1, max: Infinity }] : shorter;
}

/** Undefined for numbers, which are written in more than one way, and for lists and objects. */
function otherThan({ values }: ConstantsAlternative, place: KeywordPlace): TypedAlternative[] | undefined {
  const kinds = values.map(kindOf);
  if (kinds.some((kind) => kind === "number" || kind === "array" || kind === "object")) return undefined;
  const texts = values.filter((value) => typeof value === "string");
  const booleans = [true, false].filter((value) => !values.includes(value));
  return ANYTHING.flatMap((other): TypedAlternative[] => {
    if (other.type === "null") return values.includes(null) ? [] : [other];
    if (other.type === "boolean" && booleans.length < 2)
      return booleans.length === 0 ? [] : [{ type: "constants", values: booleans, place }];
    if (other.type !== "string" || texts.length === 0) return [other];
    return [without(texts.map((text) => ({ ...place, regex: textRegex(text), excluded: true })))];
  });
}

const without = (patterns: TextPattern[]): StringAlternative => ({ ...anyString, patterns });
