// What may be written of an object's members, one after the other, where they need each other or are counted.
import { UnsupportedSchema } from "../unsupported-schema.ts";

export interface OrderedMember {
  required: boolean;
  /** Indexes of members that have to be there where this one is. */
  needs: readonly number[];
}

/** What of the members before decides what may follow. */
export interface Written {
  /** 0 where no bound asks for it. */
  count: number;
  /** Bits of those that others need, or that need others. */
  watched: bigint;
}

export interface ObjectStates {
  /** For each place in the order, and for the one behind all members: what may be written before it, by a key. */
  levels: readonly ReadonlyMap<string, Written>[];
  keyOf(written: Written): string;
  /** Undefined where the member must not come. */
  withMember(written: Written, at: number): Written | undefined;
  mayLack(written: Written, at: number): boolean;
  mayEnd(written: Written, at: number): boolean;
  withFurther(written: Written): Written;
}

/** Each becomes a rule or two. */
const MOST_STATES = 8_000;

/** Throws `UnsupportedSchema` where they are too many. */
export function objectStates(members: readonly OrderedMember[], { min, max }: { min: number; max: number }): ObjectStates {
  const needed = new Set(members.flatMap(({ needs }) => needs));
  const watched = members.flatMap(({ needs }, index) => (needs.length > 0 || needed.has(index) ? [index] : []));
  const isWatched = new Set(watched);
  const lastRequired = members.findLastIndex(({ required }) => required);
  const counts = min > 0 || max < Infinity;
  const has = (written: Written, index: number): boolean => ((written.watched >> BigInt(index)) & 1n) === 1n;
  const withFurther = (written: Written): Written => (counts ? { ...written, count: written.count + 1 } : written);
  const withMember = (written: Written, at: number): Written | undefined => {
    if (written.count >= max || members[at]!.needs.some((index) => index < at && !has(written, index))) return undefined;
    const after = withFurther(written);
    return isWatched.has(at) ? { ...after, watched: after.watched | (1n << BigInt(at)) } : after;
  };
  const mayLack = (written: Written, at: number): boolean =>
    !members[at]!.required &&
    !(isWatched.has(at) && watched.some((by) => by < at && has(written, by) && members[by]!.needs.includes(at)));
  const mayEnd = (written: Written, at: number): boolean =>
    at > lastRequired && written.count >= min && watched.every((index) => index < at || mayLack(written, index));
  const keyOf = ({ count, watched }: Written): string => `${max === Infinity ? Math.min(count, min) : count} ${watched}`;
  const states = { keyOf, withMember, mayLack, mayEnd, withFurther };

  const start: Written = { count: 0, watched: 0n };
  const levels = [new Map([[keyOf(start), start]])];
  // The usual object: nothing of what is written decides what follows.
  if (watched.length === 0 && !counts) return { ...states, levels: Array(members.length + 1).fill(levels[0]) };
  let count = 0;
  for (const at of members.keys()) {
    const next = new Map<string, Written>();
    for (const written of levels[at]!.values()) {
      if (++count > MOST_STATES) throw new UnsupportedSchema("", "", "it takes too many rules");
      const after = withMember(written, at);
      if (after !== undefined) next.set(keyOf(after), after);
      if (mayLack(written, at)) next.set(keyOf(written), written);
    }
    levels.push(next);
  }
  return { ...states, levels };
}
