// Objects: properties in the order of the schema, unknown ones last. A name comes once, so that what a reader takes is what the grammar saw.
import { type Sequence, sequencesKey } from "../rules/rules.ts";
import type { ObjectAlternative } from "../schema/alternatives.ts";
import { isSilent } from "../schema/is-silent.ts";
import { propertyGoal } from "../schema/property-goal.ts";
import { countedValues } from "./counted.ts";
import type { Emitter, ObjectForm } from "./emitter.ts";
import { furtherNames } from "./further-names.ts";
import { objectStates, type OrderedMember, type Written } from "./object-states.ts";

interface Member extends OrderedMember {
  name: string;
  /** Behind what stands between members. */
  sequence: Sequence;
}

export function objectSequence(emitter: Emitter, alternative: ObjectAlternative, form: ObjectForm): Sequence {
  const { rules, reader } = emitter;
  const { open, between, close } = form;
  const members = membersOf(emitter, alternative, form);
  const further = isClosed(emitter, alternative, members) ? [] : furtherPairs(emitter, alternative, members, form);
  const min = enforceableMin(alternative, members, further, (keyword, place) =>
    reader.report(place, keyword, "a grammar cannot tell whether unknown names differ"),
  );
  const { max } = alternative;
  const { levels, keyOf, withMember, mayLack, mayEnd, withFurther } = objectStates(members, { min, max });
  const tail = furtherMembers(emitter, further, { min, max, between, close });
  // From the last member to the first: equal rules are found when what stands behind them is known.
  let names = new Map<string, number>();
  let behind = (written: Written): number => tail(written.count);
  for (let at = members.length; at >= 0; at--) {
    const [nextNames, nextBehind] = [names, behind];
    const member = members[at];
    const alternativesOfName = (written: Written): Sequence[] => {
      if (member === undefined)
        return written.count >= max ? [] : further.map((pair) => [...pair, tail(withFurther(written).count)]);
      const after = withMember(written, at);
      const found: Sequence[] = after ? [[...member.sequence, nextBehind(after)]] : [];
      if (mayLack(written, at)) found.push([nextNames.get(keyOf(written))!]);
      return found;
    };
    const ownNames = new Map<string, number>();
    for (const [key, written] of levels[at]!) ownNames.set(key, rules.add(alternativesOfName(written)));
    names = ownNames;
    if (member !== undefined)
      behind = (written) => {
        const found: Sequence[] = written.count < max ? [[...between, ownNames.get(keyOf(written))!]] : [];
        if (mayEnd(written, at)) found.push(close);
        return rules.add(found);
      };
  }
  const [start] = levels[0]!.values();
  const first: Sequence[] = max > 0 ? [[...form.first, names.get(keyOf(start!))!]] : [];
  if (mayEnd(start!, 0)) first.push(form.none);
  return [...open, rules.add(first)];
}

/** Names that the schema does not name, each with its value. */
function furtherPairs(
  emitter: Emitter,
  alternative: ObjectAlternative,
  members: readonly Member[],
  { further }: ObjectForm,
): Sequence[] {
  if (further === undefined) return [];
  const known = members.map(({ name }) => name);
  return furtherNames(emitter, alternative, known, further.names).map(({ rule, goal }) => further.member(rule, goal));
}

/** The rule of what may stand behind all members, of which so many have been counted. */
function furtherMembers(
  { rules }: Emitter,
  pairs: readonly Sequence[],
  { min, max, between, close }: { min: number; max: number; between: Sequence; close: Sequence },
): (count: number) => number {
  return (count) => {
    if (pairs.length === 0 || count >= max) return rules.add(count >= min ? [close] : []);
    if (max < Infinity || count < min) {
      const item = rules.add([[...between, rules.add(pairs)]]);
      return countedValues(rules, item, Math.max(0, min - count), max - count, close);
    }
    // What comes again is no rule of its own: alternatives may differ in it alone.
    return rules.once(`further ${sequencesKey([...pairs, between, close])}`, (rule) => [
      [...between, rules.add(pairs.map((pair) => [...pair, rule]))],
      close,
    ]);
  };
}

function isClosed({ named_only }: Emitter, alternative: ObjectAlternative, members: readonly Member[]): boolean {
  if (alternative.max <= 0) return true;
  return named_only && isSilent(alternative) && members.length > 0 && members.length >= alternative.min;
}

function membersOf(
  emitter: Emitter,
  { layers, required, dependent, names }: ObjectAlternative,
  { member: sequenceOf, sorted = false }: ObjectForm,
): Member[] {
  const found = new Set<string>();
  for (const { properties } of layers) for (const name of properties.keys()) found.add(name);
  for (const name of required) found.add(name);
  for (const { name, needs } of dependent) found.add(name).add(needs);
  const ordered = sorted ? [...found].sort() : [...found];
  const { allowed = [], forbidden = [] } = Object.groupBy(ordered, (name) =>
    isAllowed(emitter, names, name) ? "allowed" : "forbidden",
  );
  const needed = new Set(required);
  const needs = Map.groupBy(dependent, ({ name }) => name);
  const indexes = new Map([...allowed, ...forbidden].map((name, i) => [name, i]));
  const indexesNeeded = (name: string): number[] =>
    (needs.get(name) ?? []).filter(({ needs }) => needs !== name).map(({ needs }) => indexes.get(needs)!);
  const member = (name: string, sequence: Sequence): Member => {
    return { name, sequence, required: needed.has(name), needs: indexesNeeded(name) };
  };
  /** No value fits: such a member is never written, and what requires it has no value either. */
  const never: Sequence = [emitter.rules.add([])];
  return [
    ...allowed.map((name) => member(name, sequenceOf(name, propertyGoal(layers, name, emitter.reader.work)) ?? never)),
    ...forbidden.map((name) => member(name, never)),
  ];
}

const isAllowed = ({ reader }: Emitter, names: ObjectAlternative["names"], name: string): boolean =>
  names.length === 0 || reader.holds(name, reader.alternatives(names));

function enforceableMin(
  { min, min_place }: ObjectAlternative,
  members: readonly Member[],
  further: readonly Sequence[],
  report: (keyword: string, pointer: string) => void,
): number {
  const sure = members.filter(({ required }) => required).length;
  if (min <= Math.max(sure, 1) || further.length === 0 || min_place === undefined) return min <= sure ? 0 : min;
  report(min_place.keyword, min_place.pointer);
  return 1;
}
