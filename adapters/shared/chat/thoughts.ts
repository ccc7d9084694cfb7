// The thoughts of an answer: its first phases, where the text behind them is another one.
import type { ThoughtMarkers } from "../../prompts.ts";
import { endOfThoughts, isThinking } from "../reasoning/thought-place.ts";
import type { AnswerPlan, ThoughtsPlan } from "./answer-plan.ts";
import type { EventReader } from "./event-reader.ts";
import type { PhaseEnd, Phases } from "./phases.ts";
import { attempt, force, type PhaseEvents, readAll, speak } from "./run-phase.ts";

/** So many tokens tell whether an answer begins with thoughts: no marker of them has more. */
const MARKER_TOKENS = 8;

/** Undefined where the answer goes on behind the thoughts, or has none. */
export async function* think(
  thoughts: ThoughtsPlan,
  phases: Phases,
  reader: EventReader,
  { grammar, calls }: AnswerPlan,
): PhaseEvents<PhaseEnd | undefined> {
  // The model writes itself what stands before a free text.
  const free = grammar === undefined && !calls?.forced;
  const { markers, place, budget = Number.POSITIVE_INFINITY } = thoughts;
  if (place === "closed" || place === "in text") return undefined;
  let state = isThinking(place) ? "open" : yield* beginThoughts(markers, budget, phases, reader);
  if (state === "none") {
    // Where thoughts are a part of their own, a text has a head of its own as well, which a grammar knows nothing of.
    if (!free && markers.next !== undefined) yield* force(markers.skip, phases, reader);
    return undefined;
  }
  const left = Math.max(0, budget - phases.usage.completion_tokens);
  if (state === "open" && left > 0 && phases.left() > 0) {
    const { reason } = yield* speak(phases, reader, { stop: [markers.end], max_tokens: left });
    if (reason === "stop") state = "ended";
  }
  if (state === "open" && phases.left() < 1) return { reason: "length" };
  const end = endOfThoughts(markers, state === "skipped" ? place : "opened", calls !== undefined && grammar === undefined);
  const own_end = free ? markers.end : end.slice(Math.max(0, end.indexOf(markers.end)));
  yield* force(state === "ended" ? own_end : end, phases, reader);
  return undefined;
}

/**
 * Thoughts behind a text, of which the first marker has come; within the same budget. Undefined where the answer goes on: behind them, or
 * behind the marker, where that is none.
 */
export async function* thinkAgain(
  { markers, budget = Number.POSITIVE_INFINITY }: ThoughtsPlan,
  phases: Phases,
  reader: EventReader,
): PhaseEvents<PhaseEnd | undefined> {
  phases.force(markers.begin);
  yield* reader.read({ text: markers.begin, count: phases.usage.completion_tokens });
  const left = Math.max(0, budget - reader.reasoning_tokens());
  let ended = false;
  if (reader.is_thinking() && left > 0 && phases.left() > 0) {
    const { reason } = yield* speak(phases, reader, { stop: [markers.end], max_tokens: left });
    ended = reason === "stop";
  }
  if (phases.left() < 1) return { reason: "length" };
  if (reader.is_thinking()) yield* force(ended ? markers.end : markers.close, phases, reader);
  return undefined;
}

/** Whether an answer begins with thoughts, of which its prompt says nothing; `skipped`: there is no room for any. */
async function* beginThoughts(
  { begin, end }: ThoughtMarkers,
  budget: number,
  phases: Phases,
  reader: EventReader,
): PhaseEvents<"open" | "ended" | "none" | "skipped"> {
  if (budget === 0) return "skipped";
  const beginning = yield* attempt(phases, { stop: [end], max_tokens: Math.min(budget, MARKER_TOKENS) });
  const text = beginning.text.trimStart();
  const { reason } = beginning.end;
  if (text.startsWith(begin)) {
    yield* readAll(beginning.pieces, reader);
    return reason === "stop" ? "ended" : "open";
  }
  phases.forget();
  return reason === "length" && begin.startsWith(text) ? "skipped" : "none";
}
