// The two folds of a completion's events: the JSON of a whole answer, and the chunks of a streamed one.
import type { ScoredToken } from "../../../adapters/adapter.ts";
import type { Folds } from "../generation/answer-generation.ts";
import { brokenSchemaField, endsOf, LOADING, wireUsage } from "../generation/wire-form.ts";
import { type CompletionLogprobs, createLogprobWriter, type LogprobWriter } from "./logprobs.ts";
import type { PromptsEvent } from "./run-prompts.ts";

type CompletionPiece = Extract<PromptsEvent, { type: "text" | "echo" }>;

export const COMPLETION_FOLDS: Folds<PromptsEvent> = {
  id_prefix: "cmpl-",
  async collect(head, events, options) {
    const texts: string[] = [];
    const logprobs: (CompletionLogprobs | undefined)[] = [];
    const read = createPieceReader();
    for await (const event of events) {
      if (event.type === "text" || event.type === "echo") {
        const { choice } = event;
        texts[choice] = (texts[choice] ?? "") + event.text;
        logprobs[choice] = joined(logprobs[choice], read(event));
      } else if (event.type === "finish") {
        const choices = endsOf(event).map(({ reason }, index) => ({
          ...{ text: texts[index] ?? "", index, logprobs: logprobs[index] ?? null, finish_reason: reason },
        }));
        const broken = brokenSchemaField(event, options);
        return { ...head, object: "text_completion", choices, usage: wireUsage(event), ...broken };
      }
    }
    throw new Error("An engine ended its answer without a finish.");
  },
  async *stream(head, events, { include_usage, ...options }) {
    const read = createPieceReader();
    const chunk = (index: number, text: string, logprobs: CompletionLogprobs | undefined, finish_reason: string | null) => ({
      ...head,
      object: "text_completion",
      choices: [{ text, index, logprobs: logprobs ?? null, finish_reason }],
      ...(include_usage && { usage: null }),
    });
    for await (const event of events) {
      if (event.type === "loading") yield LOADING;
      else if (event.type === "text" || event.type === "echo") yield chunk(event.choice, event.text, read(event), null);
      else if (event.type === "finish") {
        const ends = endsOf(event);
        const broken = brokenSchemaField(event, options);
        for (const [index, { reason }] of ends.entries()) {
          const is_last = !include_usage && index === ends.length - 1;
          yield { ...chunk(index, "", undefined, reason), ...(is_last && broken) };
        }
        if (include_usage) yield { ...head, object: "text_completion", choices: [], usage: wireUsage(event), ...broken };
      }
    }
  },
};

/** The logprobs of each piece, where it has some. */
function createPieceReader() {
  const writers: LogprobWriter[] = [];
  return (piece: CompletionPiece): CompletionLogprobs | undefined => {
    const tokens: ScoredToken[] | undefined = piece.type === "echo" ? piece.tokens : piece.logprobs;
    const writer = (writers[piece.choice] ??= createLogprobWriter());
    const lists = writer.write(piece.text, tokens ?? []);
    return tokens && lists;
  };
}

function joined(before: CompletionLogprobs | undefined, more: CompletionLogprobs | undefined): CompletionLogprobs | undefined {
  if (before === undefined || more === undefined) return more ?? before;
  for (const name of Object.keys(before) as (keyof CompletionLogprobs)[]) {
    for (const value of more[name]) (before[name] as unknown[]).push(value);
  }
  return before;
}
