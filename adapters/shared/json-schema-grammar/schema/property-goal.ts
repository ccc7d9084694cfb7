// What a property has to be, by its name.
import { dfaOf } from "../regex/dfa.ts";
import type { GrammarWork } from "../regex/work.ts";
import { takes } from "../regex/takes.ts";
import { type Goal, joinGoals, type ObjectLayer } from "./alternatives.ts";

export function propertyGoal(layers: readonly ObjectLayer[], name: string, work: GrammarWork): Goal {
  const [only, ...others] = layers;
  if (others.length === 0 && only?.patterns.length === 0) return joinGoals(only.properties.get(name) ?? only.additional);
  return joinGoals(
    ...layers.map(({ properties, patterns, additional }) => {
      const fitting = patterns.filter(({ regex }) => takes(dfaOf({ matches: [regex] }, work), name)).map(({ node }) => node);
      const own = properties.get(name);
      if (own !== undefined) fitting.push(own);
      return fitting.length > 0 ? joinGoals(fitting) : joinGoals(additional);
    }),
  );
}
