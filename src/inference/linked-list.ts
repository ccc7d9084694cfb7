// A line of people: they come at its end, and whoever stands anywhere in it may leave at once.

/** A place in one line, for as long as it is held. */
export interface Place<T> {
  readonly item: T;
  before: Place<T> | undefined;
  after: Place<T> | undefined;
}

export interface Line<T> {
  readonly length: number;
  readonly first: Place<T> | undefined;
  readonly last: Place<T> | undefined;
  push(item: T): Place<T>;
  /** The place is one of this line. */
  remove(place: Place<T>): void;
}

/** Doubly linked, so that everything takes the same time however long it is. */
export function createLine<T>(): Line<T> {
  let length = 0;
  let first: Place<T> | undefined;
  let last: Place<T> | undefined;
  return {
    get length() {
      return length;
    },
    get first() {
      return first;
    },
    get last() {
      return last;
    },
    push(item) {
      const place: Place<T> = { item, before: last, after: undefined };
      if (last === undefined) first = place;
      else last.after = place;
      last = place;
      length++;
      return place;
    },
    remove({ before, after }) {
      if (before === undefined) first = after;
      else before.after = after;
      if (after === undefined) last = before;
      else after.before = before;
      length--;
    },
  };
}
