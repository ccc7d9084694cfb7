// What one answer is generated under, found before its first token.
import type { SchemaFailure } from "../../adapter.ts";
import type { ThoughtMarkers } from "../../prompts.ts";
import type { ThoughtPlace } from "../reasoning/thought-place.ts";

export interface AnswerPlan {
  /** Texts that end the answer, outside of thoughts. */
  stop: readonly string[];
  /** Names of special tokens that the text needs to be read. */
  shown_tokens: readonly string[];
  /** Absent: the model has no thoughts between markers. */
  thoughts?: ThoughtsPlan | undefined;
  /** Of the text behind the thoughts, from its first token. */
  grammar?: string | undefined;
  /** What the finished text breaks; undefined where it breaks nothing. */
  failure?: ((text: string) => SchemaFailure | undefined) | undefined;
}

/** Nothing is to be read out of the text, and one generation is all. */
export function isPlain({ thoughts, grammar }: AnswerPlan): boolean {
  return thoughts === undefined && grammar === undefined;
}

export interface ThoughtsPlan {
  markers: ThoughtMarkers;
  place: ThoughtPlace;
  /** Tokens at most; absent: no bound of their own. */
  budget?: number | undefined;
}
