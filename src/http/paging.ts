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

/** OpenAI's list object. */
export interface List<T> {
  object: "list";
  data: T[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

/**
 * A page of a list: 20 records, the newest first, unless the query says otherwise. `ids` are all ids of the list, the oldest first;
 * `read` gets those that the page may hold and answers with the readable records among them, in their order.
 * Throws 400 `invalid_value` for an `after` or a `before` that is not among the ids.
 */
export async function readPage<T extends { id: string }>(
  ids: readonly string[],
  query: PageQuery,
  read: (ids: string[]) => Promise<T[]>,
): Promise<List<T>> {
  const { limit = 20, after, before } = query;
  const order = query.order ?? "desc";
  const idAt = (position: number): string => ids[order === "asc" ? position : ids.length - 1 - position]!;
  const positionOf = (param: string, id: string): number => {
    const index = ids.lastIndexOf(id);
    if (index >= 0) return order === "asc" ? index : ids.length - 1 - index;
    throw invalidValue(`"${param}" is ${quote(id)}, which is not in this list. Use an id of another page.`, param);
  };
  let start = after === undefined ? 0 : positionOf("after", after) + 1;
  let end = before === undefined ? ids.length : positionOf("before", before);
  // With `before` alone the page is the last one in front of that id.
  const backwards = before !== undefined && after === undefined;
  let data: T[] = [];
  // An unreadable record is left out, and the next one takes its place.
  while (data.length < limit && start < end) {
    const count = Math.min(limit - data.length, end - start);
    if (backwards) end -= count;
    const from = backwards ? end : start;
    if (!backwards) start += count;
    const found = await read(Array.from({ length: count }, (_, i) => idAt(from + i)));
    data = backwards ? [...found, ...data] : [...data, ...found];
  }
  return toList(data, start < end);
}

export function toList<T extends { id: string }>(data: T[], has_more = false): List<T> {
  return { object: "list", data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more };
}
