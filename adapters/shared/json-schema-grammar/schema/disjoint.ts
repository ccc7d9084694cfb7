// Whether no value fits two branches: then one of them is the same as any of them.
import { dfaOf } from "../regex/dfa.ts";
import { type GrammarWork, TooManyStates } from "../regex/work.ts";
import {
  type TypedAlternative,
  elementGoal,
  type Goal,
  joinGoals,
  type ObjectAlternative,
  patternLanguage,
} from "./alternatives.ts";
import { UnsupportedSchema } from "../unsupported-schema.ts";
import { intersectAll } from "./intersect.ts";
import { propertyGoal } from "./property-goal.ts";

export interface DisjointDeps {
  alternatives(goal: Goal): readonly TypedAlternative[];
  holds(value: unknown, alternatives: readonly TypedAlternative[]): boolean;
  work: GrammarWork;
}

const DEEPEST = 4;
const MOST_PAIRS = 20_000;

/** False also where it cannot be proved. */
export function areDisjoint(branches: readonly (readonly TypedAlternative[])[], deps: DisjointDeps): boolean {
  const work = { left: MOST_PAIRS };
  return branches.every((branch, i) =>
    branches.slice(i + 1).every((other) => isEmpty(intersectAll(branch, other, deps.holds), deps, 0, work)),
  );
}

function isEmpty(alternatives: readonly TypedAlternative[], deps: DisjointDeps, depth: number, work: { left: number }): boolean {
  return alternatives.every((alternative) => --work.left > 0 && isImpossible(alternative, deps, depth, work));
}

function isImpossible(alternative: TypedAlternative, deps: DisjointDeps, depth: number, work: { left: number }): boolean {
  const impossible = (goal: Goal): boolean => {
    if (depth >= DEEPEST || goal.length === 0) return false;
    try {
      return isEmpty(deps.alternatives(goal), deps, depth + 1, work);
    } catch (error) {
      // A schema that leads back to the branches is not known yet, and one that is too large never will be.
      if (error instanceof UnsupportedSchema || error instanceof TooManyStates) return false;
      throw error;
    }
  };
  switch (alternative.type) {
    case "string":
      return alternative.patterns.length > 0 && hasNoText(alternative, deps.work);
    case "array":
      return Array.from({ length: Math.min(alternative.min, 8) }).some((_, i) => impossible(elementGoal(alternative, i)));
    case "object":
      return hasImpossibleProperty(alternative, deps.work, impossible);
    default:
      return false;
  }
}

function hasNoText(alternative: TypedAlternative & { type: "string" }, work: GrammarWork): boolean {
  try {
    return dfaOf(patternLanguage(alternative), work).edges.length === 0;
  } catch (error) {
    if (error instanceof TooManyStates) return false;
    throw error;
  }
}

const hasImpossibleProperty = (
  { required, layers }: ObjectAlternative,
  work: GrammarWork,
  impossible: (goal: Goal) => boolean,
): boolean => required.some((name) => impossible(joinGoals(propertyGoal(layers, name, work))));
