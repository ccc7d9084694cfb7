// Releases the text of an answer up to a stop string, and nothing that could be the beginning of one.
import type { ChatEvent, TokenLogprob } from "../../adapter.ts";
import { stopFilter } from "../stop-filter.ts";

type TextEvent = Extract<ChatEvent, { type: "text" }>;

/**
 * Each text comes with the logprobs of its tokens, also that of one which a stop string cuts; tokens that begin within a stop string are no part of
 * the answer. `filter`: as `stopFilter` has it.
 */
export function releasedText(...filter: Parameters<typeof stopFilter>) {
  const stops = stopFilter(...filter);
  /** Logprobs of text that is held back, with the places in the answer where each token begins and ends. */
  const held: { begin: number; end: number; logprob: TokenLogprob }[] = [];
  let received = 0;
  let released = 0;

  /** `stopped`: nothing comes behind the text. */
  const release = (text: string, events: { push(event: TextEvent): void }, stopped = false): void => {
    released += text.length;
    const logprobs: TokenLogprob[] = [];
    const isReleased = ({ begin, end }: { begin: number; end: number }): boolean =>
      end <= released || (stopped && begin < released);
    while (held.length > 0 && isReleased(held[0]!)) logprobs.push(held.shift()!.logprob);
    if (text !== "" || logprobs.length > 0) events.push({ type: "text", text, ...(logprobs.length > 0 && { logprobs }) });
  };
  return {
    /** Answers which stop string has come; undefined where none has. */
    push({ text, logprobs = [] }: TextEvent, events: { push(event: TextEvent): void }): string | undefined {
      const begin = received;
      received += text.length;
      held.push(...logprobs.map((logprob) => ({ begin, end: received, logprob })));
      const safe = stops.push(text);
      release(safe.text, events, safe.stopped);
      return safe.stopped_by;
    },
    flush: (events: { push(event: TextEvent): void }): void => release(stops.rest(), events),
  };
}
