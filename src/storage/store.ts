// Threads, messages, assistants and models: one storage, opened once, whatever driver it runs on.
import { LRUCache } from "lru-cache";
import { createStorage, type Driver } from "unstorage";
import type * as v from "valibot";
import { Model } from "../../models/manifest.ts";
import { PendingModel } from "../../models/pending-model.ts";
import { issueAbove, newId, OWN_ID } from "../support/ids.ts";
import type { Log } from "../support/log.ts";
import { collection, type Collection, type Kind, type Shared } from "./collection.ts";
import { createConversations, type Conversations } from "./conversations.ts";
import { Assistant, BUILT_IN, Message, Thread } from "./entities.ts";
import { createIdIndex } from "./id-index.ts";
import { decodeKey, encodeKey } from "./encode-key.ts";
import { createRecordCache } from "./record-cache.ts";
import { createTurns } from "./keyed-rw-lock.ts";

export interface Store {
  threads: Collection<Thread>;
  assistants: Collection<Assistant>;
  models: Collection<Model>;
  /** Models that are to be fetched, by their ids. */
  downloads: Collection<PendingModel>;
  messages(thread_id: string): Collection<Message>;
  /** What concerns a thread together with its messages. */
  conversations: Conversations;
  /** An id above all that are stored. */
  newAssistantId(): Promise<string>;
  /** Records that could not be read since the start. */
  damaged(): number;
  /** From now on somebody else may write: nothing is kept in memory any more. */
  share(): void;
  close(): Promise<void>;
}

export interface StoreOptions {
  driver: Driver;
  /** Other processes may write too: nothing is kept in memory, and every list asks the driver. */
  shared: boolean;
  log: Log;
  /** Throws where this process may not write, or no longer. */
  mayWrite?: () => void;
}

/** What the records of each collection are; `messages` has one base a thread below its own. */
export const KINDS = {
  threads: ownKind("thread", "thread", Thread),
  messages: ownKind("message", "msg", Message),
  assistants: ownKind("assistant", "asst", Assistant, [BUILT_IN]),
  models: { name: "model", schema: Model, toKey: safely(encodeKey), toId: decodeKey } satisfies Kind<Model>,
  downloads: { name: "download", schema: PendingModel, toKey: safely(encodeKey), toId: decodeKey } satisfies Kind<PendingModel>,
};

export function createStore({ driver, shared: others, log, mayWrite = () => {} }: StoreOptions): Store {
  const storage = createStorage({ driver });
  const damaged = new Set<string>();
  const shared: Shared = {
    storage,
    turns: createTurns(),
    mayWrite,
    onDamaged(key, error) {
      if (damaged.has(key)) return;
      damaged.add(key);
      log.warn("a record cannot be read", { key, cause: error });
    },
    index: others ? undefined : createIdIndex(),
    cache: others ? undefined : createRecordCache(),
    // Of the other drivers some empty more than the base.
    clear: driver.name === "fs-durable" ? async (base) => driver.clear!(base, {}) : undefined,
  };
  const threads = collection(shared, "threads", KINDS.threads);
  const assistants = collection(shared, "assistants", KINDS.assistants);
  // Nothing but code is kept: to make it again for every request would cost more than what it does.
  const talks = new LRUCache<string, Collection<Message>>({ max: 1000 });
  const messages = (thread_id: string): Collection<Message> => {
    const known = talks.get(thread_id);
    if (known !== undefined) return known;
    const made = collection(shared, `messages:${thread_id}`, KINDS.messages);
    talks.set(thread_id, made);
    return made;
  };
  const fresh = async (prefix: string, among: Collection<{ id: string }>): Promise<string> => {
    // Where others issue ids too, their clocks decide.
    const newest = others ? undefined : await among.lastId((id) => OWN_ID.test(id));
    if (newest !== undefined) issueAbove(newest);
    return newId(prefix);
  };
  return {
    threads,
    assistants,
    models: collection(shared, "models", KINDS.models),
    downloads: collection(shared, "downloads", KINDS.downloads),
    messages,
    conversations: createConversations({ threads, messages, turns: shared.turns, fresh, others }),
    newAssistantId: () => fresh("asst_", assistants),
    damaged: () => damaged.size,
    share() {
      shared.index = shared.cache = undefined;
    },
    close: () => storage.dispose(),
  };
}

function ownKind<T>(name: string, prefix: string, schema: v.GenericSchema<unknown, T>, others: string[] = []): Kind<T> {
  const own = (id: string) => ((OWN_ID.test(id) && id.startsWith(`${prefix}_`)) || others.includes(id) ? id : undefined);
  return { name, schema, toKey: own, toId: own };
}

/** What is too long to be a name was never stored under it. */
function safely(encode: (id: string) => string): (id: string) => string | undefined {
  return (id) => {
    try {
      return encode(id);
    } catch {
      return undefined;
    }
  };
}
