// One page of a list of ids, the same for every resource.
import * as v from "valibot";
import { invalidValue } from "./errors.ts";
import { quote } from "../support/quote.ts";

/** The paging parameters of a query string. */
export const PageQuery = v.object({
  limit: v.optional(v.pipe(v.string(), v.toNumber(), v.safeInteger(), v.minValue(1), v.maxValue(100))),
  order: v.optional(v.picklist(["asc", "desc"])),
  /** Ids: the page begins after `after`, or ends before `before`, in the order of the list. */
  after: v.optional(v.string()),
  before: v.optional(v.string()),
});
export type PageQuery = v.InferOutput<typeof PageQuery>;

/** The whole list, for clients that know no pages. */
export const WHOLE: PageQuery = { limit: Infinity };

/** OpenAI's list object. */
export interface List<T> {
  object: "list";
  data: T[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

/** Records that are read at once: as many as a reader who stalls keeps in memory. */
const READ_AT_ONCE = 8;

/**
 * The records of a page, one after the other, then whether there are more: 20 records, the newest first, unless the query says otherwise;
 * `WHOLE` has no end. `ids` are all ids of the list, the oldest first; `read` gets some of them and answers with the
 * readable records among them, in their order. Throws 400 `invalid_value` for an `after` or a `before` that is not among the ids.
 */
export async function* pageRecords<T extends { id: string }>(
  ids: readonly string[],
  query: PageQuery,
  read: (ids: string[]) => Promise<T[]>,
): AsyncGenerator<T, boolean, undefined> {
  const { limit = 20, after, before } = query;
  const order = query.order ?? "desc";
  const idAt = (position: number): string => ids[order === "asc" ? position : ids.length - 1 - position]!;
  const positionOf = (param: string, id: string): number => {
    const index = ids.lastIndexOf(id);
    if (index >= 0) return order === "asc" ? index : ids.length - 1 - index;
    throw invalidValue(`"${param}" is ${quote(id)}, which is not in this list. Use an id of another page.`, param);
  };
  const readFrom = (position: number, count: number) => read(Array.from({ length: count }, (_, i) => idAt(position + i)));
  const first = after === undefined ? 0 : positionOf("after", after) + 1;
  const end = before === undefined ? ids.length : positionOf("before", before);
  let left = limit;
  let start = first;
  // With `before` alone the page is the last one in front of that id. Where it begins, the readable records tell.
  if (before !== undefined && after === undefined) {
    for (start = end; left > 0 && start > first;) {
      const count = Math.min(READ_AT_ONCE, left, start - first);
      start -= count;
      left -= (await readFrom(start, count)).length;
    }
    left = limit - left;
  }
  const has_more_before = start > first;
  // An unreadable record is left out, and the next one takes its place.
  while (left > 0 && start < end) {
    const count = Math.min(READ_AT_ONCE, left, end - start);
    const found = await readFrom(start, count);
    start += count;
    left -= found.length;
    yield* found;
  }
  return before !== undefined && after === undefined ? has_more_before : start < end;
}

/** A page in memory: for callers that know its records to be small. */
export async function readPage<T extends { id: string }>(
  ids: readonly string[],
  query: PageQuery,
  read: (ids: string[]) => Promise<T[]>,
): Promise<List<T>> {
  const records = pageRecords(ids, query, read);
  const data: T[] = [];
  let next = await records.next();
  for (; !next.done; next = await records.next()) data.push(next.value);
  return { object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: next.value };
}
