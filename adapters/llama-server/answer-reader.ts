// Reads the frames of one answer: its text up to a stop string, its tokens as far as they are reported, and how it ends.
import type { TokenLogprob } from "../adapter.ts";
import { wholeBatches } from "../shared/kv-cache/retention.ts";
import { releasedText } from "../shared/openai-stream/released-text.ts";
import type { TokenEvent, TokenRequest } from "../token-engine.ts";
import { reportedOdds } from "./compared-tokens.ts";
import type { CompletionFrame } from "./completion-frames.ts";

export interface UnreportedTokens {
  /** Tokens of the answer before them. */
  before: number;
  count: number;
}

export interface AnswerReader {
  /** The tokens of the answer so far; undefined where they were not reported: of a character that has several, the last alone is. */
  readonly tokens: readonly (number | undefined)[];
  /** By the report of a character's last token: those before it. */
  readonly unreported: ReadonlyMap<TokenLogprob, UnreportedTokens>;
  /** Tokens of the prompt that are read; undefined while none is known to be. */
  readonly read: number | undefined;
  /** Tokens of the prompt that the slot holds as `SavedTokens.exact`. */
  readonly exact: number;
  /** Why it has ended. */
  readonly ended: "by llama-server" | "by a stop string" | undefined;
  /** What the next frame of it means. `slot`: where it is generated. */
  push(frame: CompletionFrame, slot: number): TokenEvent[];
}

/** What is known of the slot where a prompt is read. */
export interface ReadingSlot {
  /** The exact tokens of it before. */
  held: number;
  /** As `batchSize`. */
  batch: number;
}

/** `choice`: its number where several are generated. */
export function createAnswerReader(request: TokenRequest, { held, batch }: ReadingSlot, choice?: number): AnswerReader {
  const { stop, thoughts, report_tokens, logprobs: asked, compared } = request;
  const text = releasedText(stop, thoughts);
  const tokens: (number | undefined)[] = [];
  const unreported = new Map<TokenLogprob, UnreportedTokens>();
  const counts = { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 };
  const marked = choice === undefined ? {} : { choice };
  let read: number | undefined;
  let exact = 0;
  let odds: number[] | undefined;
  let ended: AnswerReader["ended"];

  const note = (reported: number[], predicted: number, last: TokenLogprob | undefined): void => {
    if (reported.length === 0) return;
    const [before, count] = [tokens.length, Math.max(0, predicted - tokens.length - reported.length)];
    for (let i = 0; i < count; i++) tokens.push(undefined);
    tokens.push(...reported);
    if (count > 0 && last !== undefined) unreported.set(last, { before, count });
  };

  /** Only a batch that has nothing of other slots has so many tokens. The last token may be read once more, by itself. */
  const noteRead = (now: number, total: number): void => {
    if (read === undefined) exact = wholeBatches(Math.min(held, now), batch);
    else if (read === exact && now === read + batch && now < total) exact = now;
    read = now;
  };

  const finish = (reason: "stop" | "length", slot: number, stopped_by?: string): TokenEvent => ({
    ...{ type: "finish", reason, slot, usage: { ...counts }, ...marked },
    ...(stopped_by !== undefined && { stopped_by }),
    ...(odds && { odds }),
  });

  return {
    ...{ tokens, unreported },
    get read() {
      return read;
    },
    get exact() {
      return exact;
    },
    get ended() {
      return ended;
    },
    push(frame, slot) {
      if (ended !== undefined) return [];
      if (frame.type === "prompt") {
        noteRead(frame.read, frame.total);
        [counts.prompt_tokens, counts.cached_tokens] = [frame.total, frame.cached];
        // The other answers begin where the first one has read the prompt.
        return frame.index > 0 ? [] : [{ type: "prompt", read: frame.read, total: frame.total, ...marked }];
      }
      const events: TokenEvent[] = [];
      counts.completion_tokens = frame.predicted;
      const add = {
        push: (event: Extract<TokenEvent, { type: "text" }>) =>
          void events.push({ ...event, ...marked, ...(report_tokens && { count: frame.predicted }) }),
      };
      const logprobs = frame.type === "piece" && asked && frame.text !== "" ? frame.logprobs : undefined;
      if (frame.type === "piece") note(frame.tokens, frame.predicted, logprobs?.[0]);
      if (frame.type === "piece" && compared && frame.ranked) odds = reportedOdds(compared, frame.ranked);
      // The end of an answer is a token without text, which is no part of it.
      const stopped_by =
        frame.text === "" ? undefined : text.push({ type: "text", text: frame.text, ...(logprobs && { logprobs }) }, add);
      if (stopped_by !== undefined) {
        ended = "by a stop string";
        events.push(finish("stop", slot, stopped_by));
      } else if (frame.type === "end") {
        ended = "by llama-server";
        [counts.prompt_tokens, counts.cached_tokens] = [frame.total, frame.cached];
        text.flush(add);
        events.push(finish(frame.reason, slot));
      }
      return events;
    },
  };
}
