// The answers that are lists, written record by record: a reader that takes its time, or nothing, costs one piece of memory.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import { toApiError, type ApiError } from "./errors.ts";
import { jsonInPieces } from "./json.ts";
import type { Parts } from "./pieces.ts";

export interface ListAnswer<T> {
  toWire: (record: T) => object;
  /** Called with the error that breaks the answer after its first piece. */
  onError: (error: ApiError, c: Context<AppEnv>) => void;
}

/** A bare array. Throws what the first records throw. */
export function answerArray<T>(c: Context<AppEnv>, records: AsyncIterable<T>, { toWire, onError }: ListAnswer<T>) {
  async function* text(): Parts {
    let mark = "[";
    for await (const record of records) {
      yield mark + JSON.stringify(toWire(record));
      mark = ",";
    }
    yield mark === "[" ? "[]" : "]";
  }
  return jsonInPieces(c, text(), (thrown) => onError(toApiError(thrown), c));
}

/** OpenAI's list object; `records` answers at its end whether there are more. */
export function answerList<T extends { id: string }>(
  c: Context<AppEnv>,
  records: AsyncGenerator<T, boolean, undefined>,
  { toWire, onError }: ListAnswer<T>,
) {
  async function* text(): Parts {
    let [first_id, last_id]: (string | null)[] = [null, null];
    yield '{"object":"list","data":[';
    try {
      let next = await records.next();
      for (; !next.done; next = await records.next()) {
        yield (last_id === null ? "" : ",") + JSON.stringify(toWire(next.value));
        last_id = next.value.id;
        first_id ??= last_id;
      }
      yield `],${JSON.stringify({ first_id, last_id, has_more: next.value }).slice(1)}`;
    } finally {
      await records.return(false);
    }
  }
  return jsonInPieces(c, text(), (thrown) => onError(toApiError(thrown), c));
}
