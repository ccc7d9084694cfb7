// The ways in which a phase of an answer is run: read as it comes, looked at first, or written by us.
import type { ChatEvent } from "../../adapter.ts";
import type { TokenRequest } from "../../token-engine.ts";
import type { EventReader } from "./event-reader.ts";
import type { PhaseEnd, Phases, TextPiece } from "./phases.ts";

export type PhaseEvents<Result> = AsyncGenerator<ChatEvent, Result>;

/** Puts a text into the answer. */
export function* force(text: string, phases: Phases, reader: EventReader): Generator<ChatEvent> {
  phases.force(text);
  yield* reader.read({ text });
}

/** One phase, as it comes. */
export async function* speak(phases: Phases, reader: EventReader, settings: Partial<TokenRequest>): PhaseEvents<PhaseEnd> {
  const events = phases.next(settings);
  try {
    for (;;) {
      const next = await events.next();
      if (next.done) return next.value;
      if (next.value.type === "text") yield* reader.read(next.value);
      else yield next.value;
    }
  } finally {
    await leave(events);
  }
}

/** The first tokens of what comes, unread. */
export async function* attempt(
  phases: Phases,
  settings: Partial<TokenRequest>,
): PhaseEvents<{ text: string; pieces: TextPiece[]; end: PhaseEnd }> {
  const pieces: TextPiece[] = [];
  const events = phases.next(settings);
  try {
    for (;;) {
      const next = await events.next();
      if (next.done) return { text: pieces.map(({ text }) => text).join(""), pieces, end: next.value };
      if (next.value.type === "text") pieces.push(next.value);
      else yield next.value;
    }
  } finally {
    await leave(events);
  }
}

/** A generation that is left between two of its events has its slot until it is told: all that come later would wait for that slot. */
const leave = (events: ReturnType<Phases["next"]>): Promise<unknown> => events.return(undefined as never);

export function* readAll(pieces: readonly TextPiece[], reader: EventReader): Generator<ChatEvent> {
  for (const piece of pieces) yield* reader.read(piece);
}
