// The text of an answer that may be shown: up to a stop string, and nothing that could be the beginning of one.
import type { ChatEvent, TokenLogprob } from "../../adapter.ts";
import { stopFilter } from "../stop-filter.ts";

/** With the probabilities of its tokens: those of a stop string are none of the answer's. */
export function releasedText(stop: readonly string[]) {
  const stops = stopFilter(stop);
  /** Where in the text each token ends. */
  const held: { end: number; logprob: TokenLogprob }[] = [];
  let read = 0;
  let told = 0;

  const tell = (text: string, events: ChatEvent[]): void => {
    told += text.length;
    const logprobs: TokenLogprob[] = [];
    while (held.length > 0 && held[0]!.end <= told) logprobs.push(held.shift()!.logprob);
    if (text !== "" || logprobs.length > 0) events.push({ type: "text", text, ...(logprobs.length > 0 && { logprobs }) });
  };
  return {
    /** Whether a stop string has come. */
    push({ text, logprobs = [] }: Extract<ChatEvent, { type: "text" }>, events: ChatEvent[]): boolean {
      read += text.length;
      held.push(...logprobs.map((logprob) => ({ end: read, logprob })));
      const safe = stops.push(text);
      tell(safe.text, events);
      return safe.stopped;
    },
    rest: (events: ChatEvent[]): void => tell(stops.rest(), events),
  };
}
