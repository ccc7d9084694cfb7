// A binary heap whose items may change their rank or leave while they are in it.

export interface Heap<T> {
  /** The one that comes before all others. */
  readonly first: T | undefined;
  /** Takes the item in, or notes that its rank has changed. */
  place(item: T): void;
  /** Does nothing for one that is not in it. */
  remove(item: T): void;
}

/** All takes O(log n). `comesBefore` is a strict order. */
export function createHeap<T>(comesBefore: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = [];
  const at = new Map<T, number>();

  const put = (item: T, index: number): void => {
    items[index] = item;
    at.set(item, index);
  };

  const up = (item: T, from: number): number => {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!comesBefore(item, items[parent]!)) break;
      put(items[parent]!, index);
      index = parent;
    }
    return index;
  };

  const down = (item: T, from: number): number => {
    let index = from;
    for (let child = 2 * index + 1; child < items.length; child = 2 * index + 1) {
      if (child + 1 < items.length && comesBefore(items[child + 1]!, items[child]!)) child++;
      if (!comesBefore(items[child]!, item)) break;
      put(items[child]!, index);
      index = child;
    }
    return index;
  };

  const settle = (item: T, index: number): void => put(item, down(item, up(item, index)));

  return {
    get first() {
      return items[0];
    },
    place(item) {
      settle(item, at.get(item) ?? items.push(item) - 1);
    },
    remove(item) {
      const index = at.get(item);
      if (index === undefined) return;
      at.delete(item);
      const last = items.pop()!;
      if (last !== item) settle(last, index);
    },
  };
}
