// Elements in sets that are split again and again. Source: A. Valmari, P. Lehtinen: Efficient minimization of DFAs with partial transition
// functions (2008).

export interface Partition {
  /** How many sets there are; they are numbered from 0. */
  count(): number;
  setOf(element: number): number;
  members(set: number): Int32Array;
  /** Once for each element, before the next split. */
  mark(element: number): void;
  /** Parts each set into those that are marked and those that are not; the smaller part is the new set. */
  split(): void;
}

/** One set of these elements, which are numbers below `size`. */
export function createPartition(elements: Int32Array, size: number): Partition {
  const location = new Int32Array(size);
  const setOf = new Int32Array(size);
  const [first, past, marked] = [[0], [elements.length], [0]];
  let touched: number[] = [];
  for (const [at, element] of elements.entries()) location[element] = at;
  return {
    count: () => first.length,
    setOf: (element) => setOf[element]!,
    members: (set) => elements.subarray(first[set], past[set]),
    mark(element) {
      const set = setOf[element]!;
      const [at, to] = [location[element]!, first[set]! + marked[set]!];
      const other = elements[to]!;
      elements[at] = other;
      location[other] = at;
      elements[to] = element;
      location[element] = to;
      if (marked[set]!++ === 0) touched.push(set);
    },
    split() {
      for (const set of touched) {
        const border = first[set]! + marked[set]!;
        marked[set] = 0;
        if (border === past[set]) continue;
        const made = first.length;
        if (border - first[set]! <= past[set]! - border) {
          first.push(first[set]!);
          past.push(border);
          first[set] = border;
        } else {
          first.push(border);
          past.push(past[set]!);
          past[set] = border;
        }
        marked.push(0);
        for (let at = first[made]!; at < past[made]!; at++) setOf[elements[at]!] = made;
      }
      touched = [];
    },
  };
}
