// Threads, messages, assistants and models: one storage, opened once, whatever driver it runs on.
import { LRUCache } from "lru-cache";
import { createStorage, type Driver } from "unstorage";
import { Model } from "../../models/manifest.ts";
import { PendingModel } from "../../models/pending-model.ts";
import { issueAbove, newId, OWN_ID } from "../support/ids.ts";
import type { Log } from "../support/log/log.ts";
import { createCollection, type Collection, type RecordKind, type CollectionContext } from "./collection.ts";
import { createConversations, type Conversations } from "./conversations.ts";
import { Assistant, BUILT_IN, Message, Thread } from "./entities.ts";
import type { COLLECTIONS } from "./file-names.ts";
import { createIdIndex } from "./id-index.ts";
import { decodeKey, encodeKey, isHashedKey } from "./encode-key.ts";
import { createRecordCache } from "./record-cache.ts";
import { createKeyedRwLock } from "./keyed-rw-lock.ts";
import { createStoreMetrics } from "./store-metrics.ts";
import type { Presence } from "./presence.ts";

export interface Store {
  threads: Collection<Thread>;
  assistants: Collection<Assistant>;
  models: Collection<Model>;
  /** Pending models, by their ids. */
  downloads: Collection<PendingModel>;
  messages(thread_id: string): Collection<Message>;
  /** Changes that concern a thread together with its messages. */
  conversations: Conversations;
  /** An id above all that are stored. */
  newAssistantId(): Promise<string>;
  /** Records that could not be read since the start. */
  damaged(): number;
  /** Whether the records can be reached, as far as is known. */
  isThere(): boolean;
  /** Throws 503 `storage_unavailable` where they cannot. */
  ensureThere(): void | Promise<void>;
  /** Whether records are kept in memory: not while others may write. Saying yes again drops those that were. */
  keepInMemory(keep: boolean): void;
  /** In Prometheus' text format. */
  metrics(): string;
  close(): Promise<void>;
}

export interface StoreOptions {
  driver: Driver;
  /** Other processes may write too: nothing is kept in memory, and every list asks the driver. */
  shared: boolean;
  log: Log;
  /** Throws where this process may not write, or no longer. */
  assertWritable?: () => void;
  /** Absent: the driver never goes away. */
  presence?: Pick<Presence, "there" | "ensure">;
}

/** What the records of each collection are; `messages` has one base a thread below its own. */
export const KINDS = {
  threads: kindOfOwnIds("thread", "thread", Thread),
  messages: kindOfOwnIds("message", "msg", Message),
  assistants: kindOfOwnIds("assistant", "asst", Assistant, [BUILT_IN]),
  models: kindOfAnyIds("model", Model),
  downloads: kindOfAnyIds("download", PendingModel),
} satisfies Record<(typeof COLLECTIONS)[number], unknown>;

export function createStore(options: StoreOptions): Store {
  const { driver, shared, log, assertWritable = () => {}, presence } = options;
  const damaged = new Set<string>();
  const metrics = createStoreMetrics(driver.name ?? "", () => damaged.size);
  const storage = metrics.measure(createStorage({ driver }));
  const context: CollectionContext = {
    storage,
    locks: createKeyedRwLock(),
    assertWritable,
    onDamaged(key, error) {
      if (damaged.has(key)) return;
      damaged.add(key);
      log.warn("a record cannot be read", { key, cause: error });
    },
    // `clear` of some other drivers empties more than the base (https://github.com/unjs/unstorage/issues/616).
    clear: driver.name === "fs-durable" ? async (base) => driver.clear!(base, {}) : undefined,
  };
  const threads = createCollection(context, "threads", KINDS.threads);
  const assistants = createCollection(context, "assistants", KINDS.assistants);
  // A collection holds no data; kept so that a request does not make its closures anew.
  const conversationMessages = new LRUCache<string, Collection<Message>>({
    max: 1000,
    memoMethod: (thread_id) => createCollection(context, `messages:${thread_id}`, KINDS.messages),
  });
  const messages = (thread_id: string): Collection<Message> => conversationMessages.memo(thread_id);
  const newIdAbove = async (prefix: string, among: Collection<{ id: string }>): Promise<string> => {
    // Where others issue ids too, their clocks decide.
    const newest = shared ? undefined : await among.findLastId((id) => OWN_ID.test(id));
    if (newest !== undefined) issueAbove(newest);
    return newId(prefix);
  };
  const store: Store = {
    threads,
    assistants,
    models: createCollection(context, "models", KINDS.models),
    downloads: createCollection(context, "downloads", KINDS.downloads),
    messages,
    conversations: createConversations({ threads, messages, locks: context.locks, newIdAbove, shared }),
    newAssistantId: () => newIdAbove("asst_", assistants),
    damaged: () => damaged.size,
    isThere: presence?.there ?? (() => true),
    ensureThere: presence?.ensure ?? (() => {}),
    keepInMemory(keep) {
      context.index = keep && !shared ? createIdIndex() : undefined;
      context.cache = keep && !shared ? createRecordCache() : undefined;
    },
    metrics: metrics.text,
    close: () => storage.dispose(),
  };
  store.keepInMemory(true);
  return store;
}

function kindOfOwnIds<T>(name: string, prefix: string, schema: RecordKind<T>["schema"], others: string[] = []): RecordKind<T> {
  const own = (id: string) => ((OWN_ID.test(id) && id.startsWith(`${prefix}_`)) || others.includes(id) ? id : undefined);
  return { name, schema, toKey: own, toId: own };
}

function kindOfAnyIds<T>(name: string, schema: RecordKind<T>["schema"]): RecordKind<T> {
  return { name, schema, toKey: encodeKey, toId: decodeKey, isHashedKey };
}
