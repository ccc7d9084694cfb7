// Which kinds of values alternatives have.
import type { ValueKind } from "../../../call-syntax.ts";
import type { TypedAlternative } from "./alternatives.ts";

export function kindOf(value: unknown): ValueKind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  const kind = typeof value;
  return kind === "number" || kind === "boolean" || kind === "string" ? kind : "object";
}

export const kindsOf = (alternatives: readonly TypedAlternative[]): Set<ValueKind> =>
  new Set(
    alternatives.flatMap((alternative) =>
      alternative.type === "constants" ? alternative.values.map(kindOf) : [alternative.type],
    ),
  );

/** What of the alternatives is of one of the kinds. */
export const ofKinds = (alternatives: readonly TypedAlternative[], kinds: ReadonlySet<ValueKind>): TypedAlternative[] =>
  alternatives.flatMap((alternative): TypedAlternative[] => {
    if (alternative.type !== "constants") return kinds.has(alternative.type) ? [alternative] : [];
    const values = alternative.values.filter((value) => kinds.has(kindOf(value)));
    if (values.length === alternative.values.length) return [alternative];
    return values.length === 0 ? [] : [{ ...alternative, values }];
  });
