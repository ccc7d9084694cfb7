// Requests that have just ended the process: the same one again would cost the same time, and gets the same answer at once.
import { createHash } from "node:crypto";
import type { PromptRequest } from "../prompts.ts";
import type { PromptProcessEnd } from "./process.ts";

const MOST = 100;
/** A busy machine may have been the reason, so it is tried again after a while. */
const KEPT_MS = 60_000;

export function createRecentEnds(now: () => number = Date.now) {
  const ends = new Map<string, { end: PromptProcessEnd; until: number }>();
  return {
    add(request: PromptRequest, end: PromptProcessEnd): void {
      ends.set(digestOf(request), { end, until: now() + KEPT_MS });
      if (ends.size > MOST) ends.delete(ends.keys().next().value!);
    },
    find(request: PromptRequest): PromptProcessEnd | undefined {
      if (ends.size === 0) return undefined;
      const found = ends.get(digestOf(request));
      return found !== undefined && found.until > now() ? found.end : undefined;
    },
  };
}

function digestOf(request: PromptRequest): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("base64url");
}
