// What one answer is generated under, found before its first token.
import type { SchemaFailure, Tool } from "../../adapter.ts";
import type { CallSyntax } from "../../call-syntax.ts";
import type { ThoughtMarkers } from "../../prompts.ts";
import type { TokenRequest } from "../../token-engine.ts";
import type { ThoughtPlace } from "../reasoning/thought-place.ts";

export interface AnswerPlan {
  /** Texts that end the answer, outside of thoughts. */
  stop: readonly string[];
  /** Names of special tokens that the text needs to be read. */
  shown_tokens: readonly string[];
  /** Absent: the model has no thoughts between markers. */
  thoughts?: ThoughtsPlan | undefined;
  /** Absent: no tool can be called. */
  calls?: CallsPlan | undefined;
  /** Of the text behind the thoughts, from its first token. It takes calls as well, where they are not forced. */
  grammar?: string | undefined;
  /** What the request has of the text that the grammar is for; absent where the answer begins it. */
  begun?: TokenRequest["grammar_begun"];
  /** What the finished text breaks; undefined where it breaks nothing. */
  failure?: ((text: string) => SchemaFailure | undefined) | undefined;
}

/** Nothing is to be read out of the text, and one generation is all. */
export function isPlain({ thoughts, calls, grammar }: AnswerPlan): boolean {
  return thoughts === undefined && calls === undefined && grammar === undefined;
}

export interface ThoughtsPlan {
  markers: ThoughtMarkers;
  place: ThoughtPlace;
  /** Tokens at most; absent: no bound of their own. */
  budget?: number | undefined;
}

export interface CallsPlan {
  syntax: CallSyntax;
  tools: readonly Tool[];
  /** The answer is calls, and no text. */
  forced: boolean;
  /** Of the calls, behind one of the syntax's triggers. */
  grammarBehind(trigger: string): string;
}
