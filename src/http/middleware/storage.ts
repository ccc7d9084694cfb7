// Check 7: the storage. What it has in memory is no answer while nobody knows what became of the rest.
import type { Guard } from "../app-env.ts";

/** What needs no records: chats, decisions, embeddings and ranks whose model is loaded, the list of those, and what says how the server does, and where it is. */
const WITHOUT_RECORDS = /^\/(health|v2\/rerank|v1\/(chat\/completions|decisions|embeddings|rerank|ps|data-folder\/key))\/?$/;

/** `ensureThere` throws 503 `storage_unavailable` while the storage is away; it takes no time while it is not. */
export function storageGuard(ensureThere: () => void | Promise<void>): Guard {
  return function storageGuard(c) {
    const looking = WITHOUT_RECORDS.test(c.req.path) ? undefined : ensureThere();
    return looking?.then(() => undefined);
  };
}
