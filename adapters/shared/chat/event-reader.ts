// Reads the events of an answer out of its text: thoughts, what it says, and calls of tools.
import type { ChatEvent, TokenLogprob } from "../../adapter.ts";
import { createThoughtReader } from "../reasoning/thought-reader.ts";
import { type CallPiece, createCallReader } from "../tool-calls/call-reader.ts";
import type { AnswerPlan } from "./answer-plan.ts";
import type { TextPiece } from "./phases.ts";

export type EventReader = ReturnType<typeof createEventReader>;

export function createEventReader({ thoughts, calls, grammar }: AnswerPlan) {
  const thought_reader = thoughts && createThoughtReader(thoughts.markers, thoughts.place);
  const call_reader = calls && createCallReader(calls.syntax, calls.tools);
  // Under a grammar that takes both, the beginning of a text tells whether it is calls.
  const triggers = grammar !== undefined && calls && !calls.forced ? calls.syntax.triggers.map(({ text }) => text) : [];
  let beginning: string | undefined = triggers.length > 0 ? "" : undefined;
  /** Logprobs of tokens whose text is held back. */
  let held: TokenLogprob[] = [];
  let text = "";
  let [tokens, reasoning_tokens] = [0, 0];
  let [calling, called] = [false, false];

  const say = (said: string): ChatEvent[] => {
    const logprobs = held;
    if (said === "") return [];
    held = [];
    text += said;
    return [{ type: "text", text: said, ...(logprobs.length > 0 && { logprobs }) }];
  };
  const readCalls = (pieces: CallPiece[]): ChatEvent[] => {
    called ||= pieces.length > 0;
    if (pieces.length > 0) held = [];
    return pieces;
  };
  const readText = (said: string): ChatEvent[] => {
    if (beginning === undefined) return say(said);
    beginning += said;
    const begun = beginning.trimStart();
    if (triggers.some((trigger) => trigger.startsWith(begun))) return [];
    const all = beginning;
    beginning = undefined;
    if (!triggers.some((trigger) => begun.startsWith(trigger))) return say(all);
    calling = true;
    return readCalls(call_reader!.read(all));
  };
  const readPieces = (pieces: ReturnType<NonNullable<typeof thought_reader>["read"]>): ChatEvent[] =>
    pieces.flatMap((piece): ChatEvent[] => {
      if (piece.type === "text") return readText(piece.text);
      // Tokens of thoughts, and of the markers around them, are none of the text's.
      held = [];
      return [piece];
    });

  return {
    read({ text: said, logprobs = [], count }: Omit<TextPiece, "type">): ChatEvent[] {
      if (calling) return readCalls(call_reader!.read(said));
      held.push(...logprobs);
      if (thought_reader === undefined) return readText(said);
      const thinking = thought_reader.thinking;
      const pieces = thought_reader.read(said);
      if (thinking || thought_reader.thinking) reasoning_tokens += (count ?? tokens) - tokens;
      tokens = count ?? tokens;
      if (thinking && !thought_reader.thinking) held = [];
      const events = readPieces(pieces);
      // White space around thoughts is no part of the text.
      if (!thought_reader.holds) held = [];
      return events;
    },
    /** What follows is calls. */
    beginCalls(): ChatEvent[] {
      const events = thought_reader === undefined ? [] : readPieces(thought_reader.rest());
      calling = true;
      return events;
    },
    /** The rest of what was held back, once the answer has ended. */
    end(): ChatEvent[] {
      if (calling) {
        const { pieces, rest } = call_reader!.end();
        // The beginning of a call that had to come was not the model's.
        return [...readCalls(pieces), ...say(calls?.forced ? "" : rest)];
      }
      const events = thought_reader === undefined ? [] : readPieces(thought_reader.rest());
      return [...events, ...say(beginning ?? "")];
    },
    /** What the answer says so far, without thoughts and calls. */
    text: (): string => text,
    has_calls: (): boolean => called,
    /** What it says so far ends in thoughts. */
    is_thinking: (): boolean => thought_reader?.thinking ?? false,
    reasoning_tokens: (): number => reasoning_tokens,
  };
}
