// The assistant that is always there, and the look at assistants that knows it.
import { BUILT_IN, type Assistant } from "../../storage/entities.ts";
import type { Store } from "../../storage/store.ts";

/** The built-in assistant until it is changed; the store has a record of it from then on. */
export const JAN: Assistant = {
  id: BUILT_IN,
  object: "assistant",
  version: 1,
  created_at: 0,
  name: "Jan",
  description: "A default assistant that can use all downloaded models",
  avatar: null,
  models: [],
  instructions: "You are a helpful assistant.",
  events: { in: [], out: [] },
  metadata: {},
  tools: [],
  temperature: null,
  top_p: null,
};

/** Undefined for an assistant that does not exist. */
export async function findAssistant({ assistants }: Pick<Store, "assistants">, id: string): Promise<Assistant | undefined> {
  // The built-in one mostly has no record: its absence is not read from the disk for each thread that names it.
  const is_stored = assistants.getCachedIds()?.includes(id) ?? true;
  return (is_stored ? await assistants.get(id) : undefined) ?? (id === BUILT_IN ? JAN : undefined);
}
