// What a slot of llama-server holds, as far as it is known from the generations in it.
import type { AdapterError } from "../adapter.ts";
import type { AdapterErrorCode } from "../error-options.ts";
import { commonPrefixLength } from "../shared/kv-cache/retention.ts";
import type { ConversationFingerprint } from "../shared/conversation-fingerprint.ts";
import type { TokenRequest } from "../token-engine.ts";
import type { AnswerReader } from "./answer-reader.ts";

export interface SlotContents {
  /** Whose it is, as `ChatRequest.cache_scope`. */
  readonly scope: string;
  /** The first of its tokens: there may be more. None of a chat with images, which are no tokens. */
  readonly tokens: readonly number[] | Uint32Array;
  /** How many of them were a prompt; an answer follows. */
  readonly prompt: number;
  /** As `SavedTokens.exact`. */
  readonly exact: number;
  /** Of a chat with images. */
  readonly fingerprint?: ConversationFingerprint;
  /** Whether there is nothing to save: it is on the disk, or cannot be. */
  saved: boolean;
  /** The generation was left early: llama-server may still work on it. */
  readonly uncertain: boolean;
}

/** With these the request never got to its slot. */
const REFUSED: AdapterErrorCode[] = ["context_length_exceeded", "messages_refused", "request_refused", "template_failed"];

export const isRefusal = (failure: unknown): boolean =>
  REFUSED.includes((failure as AdapterError | undefined)?.code as AdapterErrorCode);

/** What a slot holds behind an answer to a request that was sent. */
export function contentsAfter(
  before: SlotContents | undefined,
  { prompt, cache_scope: scope }: Pick<TokenRequest, "prompt" | "cache_scope">,
  { tokens, read, exact, ended }: Pick<AnswerReader, "tokens" | "read" | "exact" | "ended">,
): SlotContents | undefined {
  const uncertain = ended !== "by llama-server";
  if (tokens.length > 0 || ended !== undefined) {
    // The last token has no cell yet.
    const answer = tokens.slice(0, -1);
    const unknown = answer.indexOf(undefined);
    const known = (unknown < 0 ? answer : answer.slice(0, unknown)) as number[];
    return { scope, tokens: [...prompt, ...known], prompt: prompt.length, exact, saved: false, uncertain };
  }
  if (read !== undefined) return { scope, tokens: prompt.slice(0, read), prompt: read, exact, saved: false, uncertain };
  // llama-server may have begun with it, and have kept what the prompt has in common with what was there.
  if (before?.scope !== scope) return undefined;
  const common = commonPrefixLength(before.tokens, prompt);
  return { scope, tokens: before.tokens.slice(0, common), prompt: common, exact, saved: before.saved, uncertain };
}
