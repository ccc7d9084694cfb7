// A thread and its messages as one: no message without its thread, whatever is written at the same time and wherever a crash comes.
import { noThread } from "../http/not-found.ts";
import { inBatches, type Collection } from "./collection.ts";
import type { Message, Thread } from "./entities.ts";
import { messagesLeft } from "./faults.ts";
import type { KeyedRwLock } from "./keyed-rw-lock.ts";

/** Records that have no ids yet. */
export type UnsavedThread = Omit<Thread, "id">;
export type UnsavedMessage = Omit<Message, "id" | "thread_id">;

export type Conversations = ReturnType<typeof createConversations>;

interface ConversationsOptions {
  threads: Collection<Thread>;
  messages(thread_id: string): Collection<Message>;
  locks: KeyedRwLock;
  /** A new id, above those of a collection. */
  newIdAbove(prefix: string, among: Collection<{ id: string }>): Promise<string>;
  /** Other processes may write too. */
  shared: boolean;
}

export function createConversations({ threads, messages, locks, newIdAbove, shared }: ConversationsOptions) {
  // Changes of a conversation run beside each other, but never while the thread is being removed.
  const besideOthers = <T>(thread_id: string, work: () => Promise<T>): Promise<T> =>
    locks.shared(`conversation:${thread_id}`, work);

  /** Stores records that have their ids already, as an import brings them: messages first, then the thread. */
  const put = (thread: Thread, stored: Message[]): Promise<void> =>
    besideOthers(thread.id, async () => {
      const own = messages(thread.id);
      try {
        await inBatches(stored, own.put);
        await threads.put(thread);
      } catch (error) {
        // Messages without their thread cannot be reached; what cannot be removed either is left for "ingle check".
        if ((await threads.get(thread.id).catch(() => thread)) === undefined) await own.clear().catch(() => {});
        throw error;
      }
    });

  return {
    put,

    /** Stores a thread and its first messages, all or none. Throws what `Collection.put` throws. */
    async create(fields: UnsavedThread, drafts: UnsavedMessage[] = []): Promise<{ thread: Thread; messages: Message[] }> {
      const thread = { id: await newIdAbove("thread_", threads), ...fields } as Thread;
      const own = messages(thread.id);
      const stored: Message[] = [];
      for (const draft of drafts) stored.push({ id: await newIdAbove("msg_", own), thread_id: thread.id, ...draft } as Message);
      await put(thread, stored);
      return { thread, messages: stored };
    },

    /** `make` gets the thread as it is at that moment. Throws 404 `thread_not_found`, and what `Collection.put` throws. */
    addMessage: (thread_id: string, make: (thread: Thread) => UnsavedMessage): Promise<Message> =>
      besideOthers(thread_id, async () => {
        const thread = await requireThread(thread_id);
        const own = messages(thread_id);
        const message = { id: await newIdAbove("msg_", own), thread_id, ...make(thread) } as Message;
        await own.put(message);
        // Another server may have removed the thread while this one wrote: the later look of the two finds the other's work.
        if (shared && (await threads.get(thread_id)) === undefined) {
          await own.remove(message.id);
          throw noThread(thread_id);
        }
        return message;
      }),

    /** Undefined when there is no such message in the thread. Throws 404 `thread_not_found`. */
    patchMessage: (thread_id: string, id: string, change: (message: Message) => Message): Promise<Message | undefined> =>
      besideOthers(thread_id, async () => {
        await requireThread(thread_id);
        return messages(thread_id).patch(id, change);
      }),

    removeMessage: (thread_id: string, id: string): Promise<boolean> =>
      besideOthers(thread_id, async () => {
        await requireThread(thread_id);
        return messages(thread_id).remove(id);
      }),

    /** Removes the thread first, then its messages: what a crash leaves in between cannot be reached. False when there was none. Throws 500 too. */
    remove: (thread_id: string): Promise<boolean> =>
      locks.exclusive(`conversation:${thread_id}`, async () => {
        if (!(await threads.remove(thread_id))) return false;
        await messages(thread_id)
          .clear()
          .catch((error: Error) => {
            throw messagesLeft(thread_id, error.cause);
          });
        return true;
      }),
  };

  async function requireThread(thread_id: string): Promise<Thread> {
    const thread = await threads.get(thread_id);
    if (thread === undefined) throw noThread(thread_id);
    return thread;
  }
}
