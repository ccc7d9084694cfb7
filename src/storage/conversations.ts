// A thread and its messages as one thing: no message without its thread, whatever happens at the same time or in between.
import { noThread } from "../http/not-found.ts";
import type { Collection } from "./collection.ts";
import type { Message, Thread } from "./entities.ts";
import { leftBehind } from "./faults.ts";
import type { Turns } from "./keyed-rw-lock.ts";

/** A record that has no id yet. */
export type New<T> = Omit<T, "id">;

export interface Conversations {
  /** Stores a thread and its first messages, all or none. Throws what `Collection.put` throws. */
  create(thread: New<Thread>, messages?: New<Omit<Message, "thread_id">>[]): Promise<{ thread: Thread; messages: Message[] }>;
  /** Stores records that have their ids already, as an import brings them: messages first, then the thread. */
  take(thread: Thread, messages: Message[]): Promise<void>;
  /** `make` gets the thread as it is at that moment. Throws 404 `thread_not_found`, and what `Collection.put` throws. */
  addMessage(thread_id: string, make: (thread: Thread) => New<Omit<Message, "thread_id">>): Promise<Message>;
  /** Undefined when there is no such message in the thread. Throws 404 `thread_not_found`. */
  patchMessage(thread_id: string, id: string, change: (message: Message) => Message): Promise<Message | undefined>;
  removeMessage(thread_id: string, id: string): Promise<boolean>;
  /** The thread first, then its messages: what a crash leaves in between nobody can reach. False when there was none. Throws 500 too. */
  remove(thread_id: string): Promise<boolean>;
}

interface Parts {
  threads: Collection<Thread>;
  messages(thread_id: string): Collection<Message>;
  turns: Turns;
  /** A new id, above those of a collection. */
  fresh(prefix: string, among: Collection<{ id: string }>): Promise<string>;
  /** Other processes may write too. */
  others: boolean;
}

const WRITES_AT_ONCE = 16;

export function createConversations({ threads, messages, turns, fresh, others }: Parts): Conversations {
  // Beside each other, but never while the thread is being removed.
  const within = <T>(thread_id: string, work: () => Promise<T>): Promise<T> => turns.together(`conversation:${thread_id}`, work);

  const conversations: Conversations = {
    async create(fields, drafts = []) {
      const thread = { id: await fresh("thread_", threads), ...fields } as Thread;
      const own = messages(thread.id);
      const stored: Message[] = [];
      for (const draft of drafts) {
        stored.push({ id: await fresh("msg_", own), thread_id: thread.id, ...draft } as Message);
      }
      await conversations.take(thread, stored);
      return { thread, messages: stored };
    },

    take: (thread, stored) =>
      within(thread.id, async () => {
        const own = messages(thread.id);
        try {
          for (let at = 0; at < stored.length; at += WRITES_AT_ONCE) {
            await Promise.all(stored.slice(at, at + WRITES_AT_ONCE).map(own.put));
          }
          await threads.put(thread);
        } catch (error) {
          // Without its thread no message can be reached; what cannot be removed either is left for "ingle check".
          if ((await threads.get(thread.id).catch(() => thread)) === undefined) await own.clear().catch(() => {});
          throw error;
        }
      }),

    addMessage: (thread_id, make) =>
      within(thread_id, async () => {
        const thread = await existing(thread_id);
        const own = messages(thread_id);
        const message = { id: await fresh("msg_", own), thread_id, ...make(thread) } as Message;
        await own.put(message);
        // Another server may have removed the thread while this one wrote: whoever looks later finds the other's work.
        if (others && (await threads.get(thread_id)) === undefined) {
          await own.remove(message.id);
          throw noThread(thread_id);
        }
        return message;
      }),

    patchMessage: (thread_id, id, change) =>
      within(thread_id, async () => {
        await existing(thread_id);
        return messages(thread_id).patch(id, change);
      }),

    removeMessage: (thread_id, id) =>
      within(thread_id, async () => {
        await existing(thread_id);
        return messages(thread_id).remove(id);
      }),

    remove: (thread_id) =>
      turns.alone(`conversation:${thread_id}`, async () => {
        if (!(await threads.remove(thread_id))) return false;
        await messages(thread_id)
          .clear()
          .catch((error: Error) => {
            throw leftBehind(thread_id, error.cause);
          });
        return true;
      }),
  };
  return conversations;

  async function existing(thread_id: string): Promise<Thread> {
    const thread = await threads.get(thread_id);
    if (thread === undefined) throw noThread(thread_id);
    return thread;
  }
}
