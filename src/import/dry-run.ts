// What an import would do: it reads the store as it is, and nothing is written.
import type { Collection } from "../storage/collection.ts";
import type { ImportStore } from "./job.ts";

/** A store that takes what an import writes, and keeps of it the ids alone: the import asks for those of its own models too. */
export function createDryRunStore({ assistants, conversations, messages, models, threads }: ImportStore): ImportStore {
  return {
    assistants: withoutWrites(assistants),
    conversations: { ...conversations, put: async () => {} },
    messages: (thread_id) => withoutWrites(messages(thread_id)),
    models: withoutWrites(models),
    threads: withoutWrites(threads),
  };
}

function withoutWrites<T extends { id: string }>(collection: Collection<T>): Collection<T> {
  const made: string[] = [];
  return {
    ...collection,
    ids: async () => [...(await collection.ids()), ...made],
    put: async ({ id }) => void made.push(id),
    remove: async () => true,
    clear: async () => {},
  };
}
