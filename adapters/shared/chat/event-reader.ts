// Reads the events of an answer out of its text: thoughts, and what it says.
import type { ChatEvent, TokenLogprob } from "../../adapter.ts";
import { createThoughtReader } from "../reasoning/thought-reader.ts";
import type { AnswerPlan } from "./answer-plan.ts";
import type { TextPiece } from "./phases.ts";

export type EventReader = ReturnType<typeof createEventReader>;

export function createEventReader({ thoughts }: AnswerPlan) {
  const thought_reader = thoughts && createThoughtReader(thoughts.markers, thoughts.place);
  /** Logprobs of tokens whose text is held back. */
  let held: TokenLogprob[] = [];
  let text = "";
  let reasoning_tokens = 0;

  const say = (said: string): ChatEvent[] => {
    const logprobs = held;
    if (said === "") return [];
    held = [];
    text += said;
    return [{ type: "text", text: said, ...(logprobs.length > 0 && { logprobs }) }];
  };
  const readPieces = (pieces: ReturnType<NonNullable<typeof thought_reader>["read"]>): ChatEvent[] =>
    pieces.flatMap((piece): ChatEvent[] => {
      if (piece.type === "text") return say(piece.text);
      // Tokens of thoughts, and of the markers around them, are none of the text's.
      held = [];
      return [piece];
    });

  return {
    read({ text: said, logprobs = [], count }: Omit<TextPiece, "type">): ChatEvent[] {
      held.push(...logprobs);
      if (thought_reader === undefined) return say(said);
      const { thinking } = thought_reader;
      const pieces = thought_reader.read(said);
      if (thinking || thought_reader.thinking) reasoning_tokens = count ?? reasoning_tokens;
      if (thinking && !thought_reader.thinking) held = [];
      const events = readPieces(pieces);
      // White space around thoughts is no part of the text.
      if (!thought_reader.holds) held = [];
      return events;
    },
    /** The rest of what was held back, once the answer has ended. */
    end: (): ChatEvent[] => (thought_reader === undefined ? [] : readPieces(thought_reader.rest())),
    /** What the answer says so far, without thoughts. */
    text: (): string => text,
    reasoning_tokens: (): number => reasoning_tokens,
  };
}
