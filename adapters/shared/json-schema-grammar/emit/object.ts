// Objects: properties in the order of the schema, unknown ones last. A name comes once, so that what a reader takes is what the grammar saw.
import { literal, type Sequence } from "../rules/rules.ts";
import type { ObjectAlternative } from "../schema/alternatives.ts";
import { isSilent } from "../schema/is-silent.ts";
import { propertyGoal } from "../schema/property-goal.ts";
import type { Emitter } from "./emitter.ts";
import { type FurtherName, furtherNames } from "./further-names.ts";

interface Member {
  name: string;
  required: boolean;
  value: number;
  /** Indexes of members that have to be there where this one is. */
  needs: number[];
}

/** What of the members before decides what may follow. */
interface Written {
  count: number;
  /** Bits of those that others need, or that need others. */
  watched: bigint;
  further: boolean;
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
  const needing = new Set(members.flatMap(({ needs }) => needs));
  const watched = members.map(({ needs }, i) => needs.length > 0 || needing.has(i));
  const watchedIndexes = [...watched.keys()].filter((index) => watched[index]);
  const lastNeeded = members.findLastIndex(({ required }) => required);
  const counts = min > 0 || max < Infinity;
  const key = `object ${rules.reserve()}`;
  const has = ({ watched }: Written, index: number): boolean => ((watched >> BigInt(index)) & 1n) === 1n;
  const isNeeded = (written: Written, index: number): boolean =>
    members[index]!.required ||
    (watched[index]! && members.some(({ needs }, by) => by < index && has(written, by) && needs.includes(index)));
  const canEnd = (from: number, written: Written): boolean =>
    from > lastNeeded && written.count >= min && watchedIndexes.every((index) => index < from || !isNeeded(written, index));
  const stateKey = (kind: string, at: number, { count, watched, further }: Written): string =>
    `${key} ${kind} ${at} ${Math.min(count, max === Infinity ? min : Infinity)} ${watched} ${further}`;
  const open: (() => void)[] = [];
  /** Rules are made one after the other: two hundred properties are not two hundred calls deep. */
  const later = (stateKey: string, make: () => Sequence[]): number =>
    rules.once(stateKey, (rule) => {
      open.push(() => rules.define(rule, make()));
      return [];
    });
  /** Behind the first quotes of a name. */
  const atName = (at: number, written: Written): number =>
    later(stateKey("name", at, written), () => {
      if (at === members.length)
        return further.map(({ rule, value }) => [rule, common.colon, value, behind(at, addFurther(written))]);
      const member = members[at]!;
      const alternatives: Sequence[] = [];
      const lacks = watched[at]! && member.needs.some((needed) => needed < at && !has(written, needed));
      if (!lacks) {
        const next = {
          ...written,
          ...(counts && { count: written.count + 1 }),
          ...(watched[at] && { watched: written.watched | (1n << BigInt(at)) }),
        };
        alternatives.push([literal(JSON.stringify(member.name).slice(1)), common.colon, member.value, behind(at + 1, next)]);
      }
      if (!isNeeded(written, at)) alternatives.push([atName(at + 1, written)]);
      return alternatives;
    });
  const addFurther = (written: Written): Written => {
    // One unknown name may come twice: for the lower bound only the first is sure to count.
    const more = counts && (max < Infinity || !written.further) ? 1 : 0;
    return { ...written, count: written.count + more, further: counts };
  };
  const behind = (at: number, written: Written): number =>
    later(stateKey("behind", at, written), () => [
      ...(written.count < max ? [[literal(","), common.gap, literal('"'), atName(at, written)]] : []),
      ...(canEnd(at, written) ? [[common.gap, literal("}")]] : []),
    ]);
  const none: Written = { count: 0, watched: 0n, further: false };
  const first: Sequence[] = max > 0 ? [[literal('"'), atName(0, none)]] : [];
  if (canEnd(0, none)) first.push([literal("}")]);
  while (open.length > 0) open.pop()!();
  return [literal("{"), common.gap, rules.add(first)];
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
