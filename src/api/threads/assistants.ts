// The assistants of threads, with what they are called and how they are instructed.
import type { Assistant, Thread } from "../../storage/entities.ts";
import type { Store } from "../../storage/store.ts";
import { findAssistant } from "../assistants/built-in.ts";

/** What a thread does not say of an assistant itself, the assistant says; the words of one that was deleted are empty. */
export async function fillAssistants(store: Pick<Store, "assistants">, threads: readonly Thread[]): Promise<Thread[]> {
  const found = new Map<string, Assistant | undefined>();
  for (const { assistants } of threads)
    for (const { assistant_id: id, assistant_name, instructions } of assistants)
      if ((assistant_name === undefined || instructions === undefined) && !found.has(id))
        // One damaged assistant does not hide the threads that name it.
        found.set(id, await findAssistant(store, id).catch(() => undefined));
  return threads.map((thread) => ({
    ...thread,
    assistants: thread.assistants.map((own) => {
      const { name, instructions } = found.get(own.assistant_id) ?? {};
      return { ...own, assistant_name: own.assistant_name ?? name ?? "", instructions: own.instructions ?? instructions ?? "" };
    }),
  }));
}
