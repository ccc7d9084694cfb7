// Records for the store's tests, and a log that remembers.
import { record } from "./record.ts";
import type { Model } from "../../models/manifest.ts";
import { createLog, type Log } from "../../src/support/log/log.ts";
import type { UnsavedMessage, UnsavedThread } from "../../src/storage/conversations.ts";
import type { Assistant, Message } from "../../src/storage/entities.ts";

export const thread = (title = "", more: object = {}): UnsavedThread => ({
  ...{ object: "thread", title, created_at: 1_700_000_000, assistants: [{ assistant_id: "jan" }], metadata: {} },
  ...more,
});

export const message = (value: string, more: object = {}): UnsavedMessage => ({
  ...{ object: "thread.message", created_at: 1_700_000_000, role: "user", file_ids: [], assistant_id: null, run_id: null },
  ...{ content: [{ type: "text", text: { value, annotations: [] } }], metadata: {} },
  ...{ status: "completed", completed_at: null },
  ...more,
});

export const textOf = ({ content }: Message): string => content[0]!.text.value;

export const assistant = (id: string, more: object = {}): Assistant => ({
  ...{ id, object: "assistant", version: 1, created_at: 1_700_000_000, name: "a", description: null, avatar: null, models: [] },
  ...{ instructions: null, events: { in: [], out: [] }, metadata: {}, tools: [], temperature: null, top_p: null },
  ...more,
});

export const model = (id: string): Model => ({ ...record(id, ""), files: [{ name: "weights.gguf", sources: [] }] });

/** A log whose lines can be looked at. */
export function listening(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: createLog((line) => lines.push(JSON.parse(line))) };
}

/** What the promise is rejected with; fails where it is not. */
export async function failure<E extends Error & { status?: number; code?: unknown; headers?: Record<string, string> }>(
  work: Promise<unknown>,
): Promise<E> {
  const result = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in result) return result.error as E;
  throw new Error(`It was to fail, and answered ${JSON.stringify(result.value)}.`);
}

/** The same for several at once. */
export const failures = (...works: Promise<unknown>[]) => Promise.all(works.map((work) => failure(work)));
