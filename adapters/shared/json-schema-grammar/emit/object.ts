// Objects: properties in the order of the schema, unknown ones last. A name comes once, so that what a reader takes is what the grammar saw.
import { literal, type Sequence } from "../rules/rules.ts";
import type { ObjectAlternative } from "../schema/alternatives.ts";
import { isSilent } from "../schema/is-silent.ts";
import { propertyGoal } from "../schema/property-goal.ts";
import { countedValues } from "./counted.ts";
import type { Emitter } from "./emitter.ts";
import { type FurtherName, furtherNames } from "./further-names.ts";
import { objectStates, type OrderedMember, type Written } from "./object-states.ts";

interface Member extends OrderedMember {
  name: string;
  value: number;
}

export function objectSequence(emitter: Emitter, alternative: ObjectAlternative): Sequence {
  const { rules, common, reader } = emitter;
  const members = membersOf(emitter, alternative);
  const further = isClosed(emitter, alternative, members)
    ? []
    : furtherNames(
        emitter,
        alternative,
        members.map(({ name }) => name),
      );
  const min = enforceableMin(alternative, members, further, (keyword, place) =>
    reader.report(place, keyword, "a grammar cannot tell whether unknown names differ"),
  );
  const { max } = alternative;
  const { levels, keyOf, withMember, mayLack, mayEnd, withFurther } = objectStates(members, { min, max });
  const comma: Sequence = [literal(","), common.gap, literal('"')];
  const end: Sequence = [common.gap, literal("}")];
  const tail = furtherMembers(emitter, further, { min, max, comma, end });
  // From the last member to the first: equal rules are found when what stands behind them is known.
  let names = new Map<string, number>();
  let behind = (written: Written): number => tail(written.count);
  for (let at = members.length; at >= 0; at--) {
    const [nextNames, nextBehind] = [names, behind];
    const member = members[at];
    /** Behind the first quotes of a name. */
    const alternativesOfName = (written: Written): Sequence[] => {
      if (member === undefined)
        return written.count >= max
          ? []
          : further.map(({ rule, value }) => [rule, common.colon, value, tail(withFurther(written).count)]);
      const after = withMember(written, at);
      return [
        ...(after ? [[literal(JSON.stringify(member.name).slice(1)), common.colon, member.value, nextBehind(after)]] : []),
        ...(mayLack(written, at) ? [[nextNames.get(keyOf(written))!]] : []),
      ];
    };
    const ownNames = new Map(Array.from(levels[at]!, ([key, written]) => [key, rules.add(alternativesOfName(written))] as const));
    names = ownNames;
    if (member !== undefined)
      behind = (written) =>
        rules.add([
          ...(written.count < max ? [[...comma, ownNames.get(keyOf(written))!]] : []),
          ...(mayEnd(written, at) ? [end] : []),
        ]);
  }
  const [start] = levels[0]!.values();
  const first: Sequence[] = max > 0 ? [[literal('"'), names.get(keyOf(start!))!]] : [];
  if (mayEnd(start!, 0)) first.push([literal("}")]);
  return [literal("{"), common.gap, rules.add(first)];
}

/** The rule of what may stand behind all members, of which so many have been counted. */
function furtherMembers(
  { rules, common }: Emitter,
  further: readonly FurtherName[],
  { min, max, comma, end }: { min: number; max: number; comma: Sequence; end: Sequence },
): (count: number) => number {
  const pairs = further.map(({ rule, value }): Sequence => [rule, common.colon, value]);
  return (count) => {
    if (pairs.length === 0 || count >= max) return rules.add(count >= min ? [end] : []);
    if (max < Infinity || count < min) {
      const item = rules.add([[...comma, rules.add(pairs)]]);
      return countedValues(rules, item, Math.max(0, min - count), max - count, end);
    }
    // What comes again is no rule of its own: alternatives may differ in it alone.
    return rules.once(`further ${pairs.join(" ")}`, (rule) => [[...comma, rules.add(pairs.map((pair) => [...pair, rule]))], end]);
  };
}

function isClosed({ named_only }: Emitter, alternative: ObjectAlternative, members: readonly Member[]): boolean {
  if (alternative.max <= 0) return true;
  return named_only && isSilent(alternative) && members.length > 0 && members.length >= alternative.min;
}

function membersOf(emitter: Emitter, { layers, required, dependent, names }: ObjectAlternative): Member[] {
  const found = new Set(layers.flatMap(({ properties }) => [...properties.keys()]));
  for (const name of [...required, ...dependent.flatMap(({ name, needs }) => [name, needs])]) found.add(name);
  const allowed = [...found].filter((name) => isAllowed(emitter, names, name));
  const forbidden = [...found].filter((name) => !isAllowed(emitter, names, name));
  const needed = new Set(required);
  const needs = Map.groupBy(dependent, ({ name }) => name);
  const indexes = new Map([...allowed, ...forbidden].map((name, i) => [name, i]));
  const member = (name: string, value: number): Member => ({
    ...{ name, value, required: needed.has(name) },
    needs: (needs.get(name) ?? [])
      .map(({ needs }) => needs)
      .filter((needed) => needed !== name)
      .map((needed) => indexes.get(needed)!),
  });
  return [
    ...allowed.map((name) => member(name, emitter.value(propertyGoal(layers, name, emitter.reader.work)))),
    // No value fits: such a member is never written, and what requires it has no value either.
    ...forbidden.map((name) => member(name, emitter.rules.add([]))),
  ];
}

const isAllowed = ({ reader }: Emitter, names: ObjectAlternative["names"], name: string): boolean =>
  names.length === 0 || reader.holds(name, reader.alternatives(names));

function enforceableMin(
  { min, min_place }: ObjectAlternative,
  members: readonly Member[],
  further: readonly FurtherName[],
  report: (keyword: string, pointer: string) => void,
): number {
  const sure = members.filter(({ required }) => required).length;
  if (min <= Math.max(sure, 1) || further.length === 0 || min_place === undefined) return min <= sure ? 0 : min;
  report(min_place.keyword, min_place.pointer);
  return 1;
}
