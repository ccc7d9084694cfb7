// Names that no schema of an object names, in the kinds that its patterns tell apart.
import { TooManyStates } from "../regex/work.ts";
import { any, ANY_TEXT, lengthRegex, type Regex, textRegex } from "../regex/regex.ts";
import {
  type TypedAlternative,
  type Goal,
  isNothing,
  joinGoals,
  type KeywordPlace,
  type ObjectAlternative,
  patternLanguage,
} from "../schema/alternatives.ts";
import type { Emitter, NameLanguage, NameSpelling } from "./emitter.ts";

export interface FurtherName {
  rule: number;
  /** What its value has to be. */
  goal: Goal;
}

const MOST_PATTERNS = 6;

export function furtherNames(
  emitter: Emitter,
  alternative: ObjectAlternative,
  known: readonly string[],
  spelling: NameSpelling,
): FurtherName[] {
  const { layers, names } = alternative;
  const patterns = new Map(layers.flatMap(({ patterns }) => patterns.map((pattern) => [pattern.source, pattern])));
  if (patterns.size === 0 && names.length === 0) {
    const goal = joinGoals(...layers.map(({ additional }) => additional));
    return isNothing(goal) ? [] : [{ rule: spelling.other(known), goal }];
  }
  const giveUp = ({ pointer, keyword }: KeywordPlace, reason: string): void => emitter.reader.report(pointer, keyword, reason);
  const anyName = (): FurtherName[] => [{ rule: spelling.other(known), goal: [] }];
  const [first] = patterns.values();
  if (first !== undefined && patterns.size > MOST_PATTERNS) {
    giveUp(first.place, `an object has more than ${MOST_PATTERNS} patterns of names`);
    return anyName();
  }
  try {
    return namesOf(emitter, alternative, known, spelling);
  } catch (error) {
    if (!(error instanceof TooManyStates)) throw error;
    const [node] = names;
    const place = node && { pointer: node.pointer.replace(/\/propertyNames$/, ""), keyword: "propertyNames" };
    giveUp(place ?? first!.place, "the names that it permits take too many states");
    return place === undefined ? anyName() : furtherNames(emitter, { ...alternative, names: [] }, known, spelling);
  }
}

/** Throws `TooManyStates`. */
function namesOf(
  emitter: Emitter,
  alternative: ObjectAlternative,
  known: readonly string[],
  spelling: NameSpelling,
): FurtherName[] {
  const { layers, names } = alternative;
  const patterns = new Map(layers.flatMap(({ patterns }) => patterns.map(({ source, regex }) => [source, regex])));
  const sources = [...patterns.keys()];
  const excluded = known.length > 0 ? [any(...known.map(textRegex))] : [];
  return Array.from({ length: 2 ** sources.length }, (_, mask) => sources.filter((_, i) => (mask >> i) & 1)).flatMap(
    (fitting) => {
      const goal = goalOf(alternative, fitting);
      if (isNothing(goal)) return [];
      const matches = fitting.map((source) => patterns.get(source)!);
      const excludes = [
        ...excluded,
        ...sources.filter((source) => !fitting.includes(source)).map((source) => patterns.get(source)!),
      ];
      return nameAlternatives(emitter, names).map((language) => ({
        rule: spelling.of({
          matches: [ANY_TEXT, ...matches, ...language.matches],
          excludes: [...excludes, ...language.excludes],
        }),
        goal,
      }));
    },
  );
}

const goalOf = ({ layers }: ObjectAlternative, fitting: readonly string[]): Goal =>
  joinGoals(
    ...layers.map(({ patterns, additional }) => {
      const own = patterns.filter(({ source }) => fitting.includes(source)).map(({ node }) => node);
      return own.length > 0 ? joinGoals(own) : joinGoals(additional);
    }),
  );

function nameAlternatives({ reader }: Emitter, names: Goal): NameLanguage[] {
  if (names.length === 0) return [{ matches: [], excludes: [] }];
  return reader.alternatives(names).flatMap((alternative): NameLanguage[] => nameLanguage(alternative));
}

function nameLanguage(alternative: TypedAlternative): NameLanguage[] {
  if (alternative.type === "constants") {
    const texts = alternative.values.filter((value) => typeof value === "string");
    return [{ matches: [any(...texts.map(textRegex))], excludes: [] }];
  }
  if (alternative.type !== "string") return [];
  const { matches, excludes = [] } = patternLanguage(alternative);
  const { min, max } = alternative;
  return [{ matches: [...(matches as Regex[]), lengthRegex(min, max)], excludes: [...(excludes as Regex[])] }];
}
