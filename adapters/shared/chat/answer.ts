// One answer in phases: thoughts, then a text, then calls of tools.
import type { ChatEvent, ChoiceEnd, Usage } from "../../adapter.ts";
import type { TokenRequest } from "../../token-engine.ts";
import type { ThoughtMarkers } from "../../prompts.ts";
import { endOfThoughts, isThinking } from "../reasoning/thought-place.ts";
import type { AnswerPlan, CallsPlan, ThoughtsPlan } from "./answer-plan.ts";
import { createEventReader, type EventReader } from "./event-reader.ts";
import type { PhaseEnd, Phases, TextPiece } from "./phases.ts";

export interface AnswerEnd extends ChoiceEnd {
  usage: Usage;
}

type PhaseEvents<Result> = AsyncGenerator<ChatEvent, Result>;

/** So many tokens tell whether an answer begins with thoughts: no marker of them has more. */
const MARKER_TOKENS = 8;
/** Characters of white space that may stand before calls. */
const SPACES = 2;

/** Yields the events of one answer, but for its finish. Throws what the engine throws. */
export async function* answer(plan: AnswerPlan, phases: Phases): PhaseEvents<AnswerEnd> {
  const { thoughts } = plan;
  const reader = createEventReader(plan);
  const { reason, stopped_by } = yield* generate(plan, phases, reader);
  yield* reader.end();
  const usage = { ...phases.usage, ...(thoughts && { reasoning_tokens: reader.reasoning_tokens() }) };
  // What was cut is not judged.
  const judged = reason === "stop" && stopped_by === undefined && !reader.has_calls();
  const schema_failure = judged ? plan.failure?.((plan.begun?.text ?? "") + reader.text()) : undefined;
  return {
    reason: reason === "stop" && reader.has_calls() ? "tool_calls" : reason,
    usage,
    ...(schema_failure && { schema_failure }),
  };
}

async function* generate(plan: AnswerPlan, phases: Phases, reader: EventReader): PhaseEvents<PhaseEnd> {
  const { stop, thoughts, calls, grammar, begun } = plan;
  const free = grammar === undefined && !calls?.forced;
  const { triggers = [] } = (free && calls?.syntax) || {};
  const may_begin = triggers.some(({ at_start }) => at_start);
  // What comes behind thoughts of a bounded length, or is no free text, is a phase of its own.
  const apart = thoughts && (!free || may_begin || thoughts.budget !== undefined);
  if (apart) {
    const end = yield* think(thoughts, phases, reader, plan);
    if (end !== undefined) return end;
  }
  if (calls?.forced) return yield* call(calls, calls.syntax.triggers[0]!.text, phases, reader);
  if (may_begin) {
    const end = yield* beginCalls(calls!, phases, reader);
    if (end !== undefined) return end;
  }
  const within = triggers.filter(({ at_start }) => !at_start).map(({ text }) => text);
  const end = yield* speak(phases, reader, {
    stop: [...stop, ...within],
    ...(grammar !== undefined && { grammar, ...(begun && { grammar_begun: begun }) }),
    ...(thoughts && !apart && { thoughts: { ...thoughts.markers, opened: isThinking(thoughts.place) } }),
  });
  const { stopped_by: trigger } = end;
  if (trigger === undefined || !within.includes(trigger) || stop.includes(trigger)) return end;
  return yield* call(calls!, trigger, phases, reader);
}

/** Undefined where the answer does not begin with calls, and goes on. */
async function* beginCalls(calls: CallsPlan, phases: Phases, reader: EventReader): PhaseEvents<PhaseEnd | undefined> {
  // Each token has a character at least.
  const longest = Math.max(...calls.syntax.triggers.map(({ text }) => text.length));
  const { text, pieces, end } = yield* attempt(phases, { stop: [], max_tokens: longest + SPACES });
  const trigger = calls.syntax.triggers.find((one) => text.trimStart().startsWith(one.text));
  if (trigger !== undefined) {
    phases.forget();
    return yield* call(calls, trigger.text, phases, reader);
  }
  yield* readAll(pieces, reader);
  return end.reason === "length" && phases.left() > 0 ? undefined : end;
}

/** `trigger`: what the calls begin with. */
async function* call(calls: CallsPlan, trigger: string, phases: Phases, reader: EventReader): PhaseEvents<PhaseEnd> {
  yield* reader.beginCalls();
  yield* force(trigger, phases, reader);
  return yield* speak(phases, reader, { stop: [], grammar: calls.grammarBehind(trigger) });
}

/** Undefined where the answer goes on behind the thoughts, or has none. */
async function* think(
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
  const events = phases.next(settings);
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
