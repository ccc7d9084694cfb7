// One answer in phases: thoughts, then a text, then calls of tools.
import type { ChoiceEnd, Usage } from "../../adapter.ts";
import { isThinking } from "../reasoning/thought-place.ts";
import { laterBegin } from "../reasoning/thought-reader.ts";
import type { AnswerPlan, CallsPlan } from "./answer-plan.ts";
import { createEventReader, type EventReader } from "./event-reader.ts";
import type { PhaseEnd, Phases } from "./phases.ts";
import { attempt, force, type PhaseEvents, readAll, speak } from "./run-phase.ts";
import { think, thinkAgain } from "./thoughts.ts";

export interface AnswerEnd extends ChoiceEnd {
  usage: Usage;
}

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
  const again = free && thoughts?.budget !== undefined ? laterBegin(thoughts.markers) : undefined;
  for (;;) {
    const end = yield* speak(phases, reader, {
      stop: [...stop, ...within, ...(again === undefined ? [] : [again])],
      ...(grammar !== undefined && { grammar, ...(begun && { grammar_begun: begun }) }),
      ...(thoughts && !apart && { thoughts: { ...thoughts.markers, opened: isThinking(thoughts.place) } }),
    });
    const { stopped_by } = end;
    if (stopped_by === undefined || stop.includes(stopped_by)) return end;
    if (stopped_by !== again) return yield* call(calls!, stopped_by, phases, reader);
    const cut = yield* thinkAgain(thoughts!, phases, reader);
    if (cut !== undefined) return cut;
  }
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
