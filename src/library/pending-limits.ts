// How many models may be pending: each is a record that a client makes without having anything fetched.
import type { PendingModel } from "../../models/pending-model.ts";
import type { Collection } from "../storage/collection.ts";
import { tooManyPending } from "./errors.ts";

/** The most models, of one client and of all together. */
const MOST_PENDING = { of_client: 100, in_all: 1_000 };

export function createPendingLimits(downloads: Collection<PendingModel>) {
  /** Whose a pending model is, also while its record is being `written`. */
  const known = new Map<string, { client: string; written: boolean }>();
  let ids: ReadonlySet<string> = new Set();

  /** Other processes may write too, and records go where models come or are deleted. */
  async function readClients(): Promise<void> {
    const written = [...known].flatMap(([id, { written }]) => (written ? [id] : []));
    ids = new Set(await downloads.ids());
    for (const id of written) if (!ids.has(id)) known.delete(id);
    const unread = [...ids].filter((id) => !known.has(id));
    for (const { id, client = "" } of await downloads.getMany(unread)) {
      if (!known.has(id)) known.set(id, { client, written: true });
    }
  }

  return {
    /** Calls `write`, which makes the record of a model that is new. Throws `ApiError` 429 `too_many_pending` instead. */
    async add(id: string, client: string, write: () => Promise<void>): Promise<void> {
      await readClients();
      // From here on nothing is waited for until the model counts.
      const own = [...known.values()].filter((other) => other.client === client).length;
      if (own >= MOST_PENDING.of_client) throw tooManyPending(`${own} models that this client asked for`);
      const all = new Set([...ids, ...known.keys()]).size;
      if (all >= MOST_PENDING.in_all) throw tooManyPending(`${all} models`);
      known.set(id, { client, written: false });
      try {
        await write();
        known.set(id, { client, written: true });
      } catch (error) {
        known.delete(id);
        throw error;
      }
    },
  };
}
