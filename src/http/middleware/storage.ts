// Check 7: the storage. What it has in memory is no answer while nobody knows what became of the rest.
import type { Guard } from "../app-env.ts";
import { isOpenPage } from "../open-pages.ts";

/** What goes on with a loaded model, the list of those, and what says how the server does, and where it is. */
const WITHOUT_RECORDS = new Set([
  ...["/health", "/v1", "/v1/ps", "/v1/data-folder/key"],
  ...["/v1/chat/completions", "/v1/chat/completions/input_tokens", "/v1/apply-template", "/v1/tokenize", "/v1/detokenize"],
  ...["/v1/completions", "/v1/decisions", "/v1/embeddings", "/v1/rerank", "/v2/rerank"],
]);

/** `ensureThere` throws 503 `storage_unavailable` while the storage is away; it takes no time while it is not. */
export function storageGuard(ensureThere: () => void | Promise<void>): Guard {
  return function storageGuard(c) {
    const needs_none = WITHOUT_RECORDS.has(c.req.path.replace(/\/$/, "")) || isOpenPage(c);
    const looking = needs_none ? undefined : ensureThere();
    return looking?.then(() => undefined);
  };
}
