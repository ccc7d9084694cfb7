// One answer in phases: thoughts, then a text.
import type { ChatEvent, ChoiceEnd, Usage } from "../../adapter.ts";
import type { TokenRequest } from "../../token-engine.ts";
import type { ThoughtMarkers } from "../../prompts.ts";
import { endOfThoughts, isThinking } from "../reasoning/thought-place.ts";
import type { AnswerPlan, ThoughtsPlan } from "./answer-plan.ts";
import { createEventReader, type EventReader } from "./event-reader.ts";
import type { PhaseEnd, Phases, TextPiece } from "./phases.ts";

export interface AnswerEnd extends ChoiceEnd {
  usage: Usage;
}

type PhaseEvents<Result> = AsyncGenerator<ChatEvent, Result>;

/** So many tokens tell whether an answer begins with a marker: none has more. */
const BEGINNING_TOKENS = 8;

/** Yields the events of one answer, but for its finish. Throws what the engine throws. */
export async function* answer(plan: AnswerPlan, phases: Phases): PhaseEvents<AnswerEnd> {
  const { thoughts } = plan;
  const reader = createEventReader(plan);
  const { reason } = yield* generate(plan, phases, reader);
  yield* reader.end();
  const usage = { ...phases.usage, ...(thoughts && { reasoning_tokens: reader.reasoning_tokens() }) };
  const schema_failure = reason === "stop" ? plan.failure?.(reader.text()) : undefined;
  return { reason, usage, ...(schema_failure && { schema_failure }) };
}

async function* generate({ stop, thoughts, grammar }: AnswerPlan, phases: Phases, reader: EventReader): PhaseEvents<PhaseEnd> {
  // What comes behind thoughts of a bounded length, or is no free text, is a phase of its own.
  const apart = thoughts && (grammar !== undefined || thoughts.budget !== undefined);
  if (apart) {
    const end = yield* think(thoughts, phases, reader, grammar === undefined);
    if (end !== undefined) return end;
  }
  return yield* speak(phases, reader, {
    stop,
    ...(grammar !== undefined && { grammar }),
    ...(thoughts && !apart && { thoughts: { ...thoughts.markers, opened: isThinking(thoughts.place) } }),
  });
}

/** Undefined where the answer goes on behind the thoughts, or has none. `free`: the model writes itself what stands before its text. */
async function* think(
  thoughts: ThoughtsPlan,
  phases: Phases,
  reader: EventReader,
  free: boolean,
): PhaseEvents<PhaseEnd | undefined> {
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
  const end = endOfThoughts(markers, state === "skipped" ? place : "opened", false);
  const own_end = free ? markers.end : end.slice(Math.max(0, end.indexOf(markers.end)));
  yield* force(state === "ended" ? own_end : end, phases, reader);
  return undefined;
}

function* force(text: string, phases: Phases, reader: EventReader): Generator<ChatEvent> {
  phases.force(text);
  yield* reader.read({ text });
}

/** Whether an answer begins with thoughts, of which its prompt says nothing; `skipped`: there is no room for any. */
async function* beginThoughts(
  { begin, end }: ThoughtMarkers,
  budget: number,
  phases: Phases,
  reader: EventReader,
): PhaseEvents<"open" | "ended" | "none" | "skipped"> {
  if (budget === 0) return "skipped";
  const beginning = yield* attempt(phases, { stop: [end], max_tokens: budget });
  const text = beginning.text.trimStart();
  const { reason } = beginning.end;
  if (text.startsWith(begin)) {
    yield* readAll(beginning.pieces, reader);
    return reason === "stop" ? "ended" : "open";
  }
  phases.forget();
  return reason === "length" && begin.startsWith(text) ? "skipped" : "none";
}

async function* speak(phases: Phases, reader: EventReader, settings: Partial<TokenRequest>): PhaseEvents<PhaseEnd> {
  const events = phases.next(settings);
  for (;;) {
    const next = await events.next();
    if (next.done) return next.value;
    if (next.value.type === "text") yield* reader.read(next.value);
    else yield next.value;
  }
}

/** The first tokens of what comes, unread. */
async function* attempt(
  phases: Phases,
  settings: Partial<TokenRequest>,
): PhaseEvents<{ text: string; pieces: TextPiece[]; end: PhaseEnd }> {
  const pieces: TextPiece[] = [];
  const { max_tokens = BEGINNING_TOKENS } = settings;
  const events = phases.next({ ...settings, max_tokens: Math.min(max_tokens, BEGINNING_TOKENS) });
  for (;;) {
    const next = await events.next();
    if (next.done) return { text: pieces.map(({ text }) => text).join(""), pieces, end: next.value };
    if (next.value.type === "text") pieces.push(next.value);
    else yield next.value;
  }
}

function* readAll(pieces: readonly TextPiece[], reader: EventReader): Generator<ChatEvent> {
  for (const piece of pieces) yield* reader.read(piece);
}
