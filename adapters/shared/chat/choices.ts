// Several answers to one request: as many at once as there are slots for, in rounds.
import type { ChatEvent, ChoiceEnd, Usage } from "../../adapter.ts";
import type { TokenEvent, TokenRequest } from "../../token-engine.ts";
import { channel, type Channel } from "../channel.ts";
import type { AnswerEnd } from "./answer.ts";
import type { Generate } from "./phases.ts";

type Choice = AsyncGenerator<ChatEvent, AnswerEnd>;

export interface Choices {
  count: number;
  /** At once. */
  at_once: number;
  /** Begins one answer. `index`: which one. `generate`: of the engine, for its phases. */
  begin: (index: number, generate: Generate) => Choice;
  generate: Generate;
  /** Ends the engine's generations: the caller has left. */
  leave: () => void;
}

/** Yields the events of all answers, each with its `choice`, but for their finish. */
export async function* choices({ count, at_once, begin, generate, leave }: Choices): AsyncGenerator<ChatEvent, AnswerEnd[]> {
  const ends: AnswerEnd[] = [];
  while (ends.length < count) {
    const round = Math.min(at_once, count - ends.length);
    const first = ends.length;
    const shared = round === 1 ? [generate] : sharedBeginning(generate, round);
    const answers = shared.map((own, index) => begin(first + index, own));
    ends.push(...(yield* side(answers, first, leave)));
  }
  return ends;
}

/** The first generation of each is one of the engine's, which reads the prompt once; what follows is their own. */
function sharedBeginning(generate: Generate, round: number): Generate[] {
  const events = Array.from({ length: round }, () => channel<TokenEvent>());
  let begun = false;
  const begin = async (request: TokenRequest, signal: AbortSignal): Promise<void> => {
    try {
      for await (const { choice = 0, ...event } of generate({ ...request, choices: round }, signal)) events[choice]!.push(event);
    } catch (error) {
      for (const one of events) one.fail(error);
    }
  };
  return events.map((own) => {
    let first = true;
    return (request, signal) => {
      if (!first) return generate(request, signal);
      first = false;
      if (!begun) void begin(request, signal);
      begun = true;
      return eventsOf(own);
    };
  });
}

async function* eventsOf(own: Channel<TokenEvent>): AsyncGenerator<TokenEvent> {
  for (;;) {
    const event = await own.take();
    yield event;
    if (event.type === "finish") return;
  }
}

/** Answers side by side: their events as they come. */
async function* side(answers: readonly Choice[], first: number, leave: () => void): AsyncGenerator<ChatEvent, AnswerEnd[]> {
  const ends: AnswerEnd[] = [];
  const waiting = new Map(answers.map((answer, index) => [index, nextOf(answer, index)]));
  try {
    while (waiting.size > 0) {
      const { index, result } = await Promise.race(waiting.values());
      if (result.done) {
        ends[index] = result.value;
        waiting.delete(index);
        continue;
      }
      waiting.set(index, nextOf(answers[index]!, index));
      yield { ...result.value, choice: first + index };
    }
  } finally {
    if (waiting.size > 0) leave();
    for (const pending of waiting.values()) pending.catch(() => {});
    await Promise.allSettled(answers.map((answer) => answer.return(undefined as never)));
  }
  return ends;
}

async function nextOf(answer: Choice, index: number) {
  return { index, result: await answer.next() };
}

/** The one finish of all answers. */
export function finishOf([one, ...others]: readonly AnswerEnd[]): Extract<ChatEvent, { type: "finish" }> {
  const further = others.map(choiceEnd);
  const usage = [one!, ...others].map((end) => end.usage).reduce(sum);
  return { type: "finish", ...choiceEnd(one!), usage, ...(further.length > 0 && { further }) };
}

function choiceEnd({ reason, schema_failure }: AnswerEnd): ChoiceEnd {
  return { reason, ...(schema_failure && { schema_failure }) };
}

/** The prompt is one. */
function sum(one: Usage, other: Usage): Usage {
  const { reasoning_tokens } = one;
  return {
    ...one,
    completion_tokens: one.completion_tokens + other.completion_tokens,
    ...(reasoning_tokens !== undefined && { reasoning_tokens: reasoning_tokens + (other.reasoning_tokens ?? 0) }),
  };
}
