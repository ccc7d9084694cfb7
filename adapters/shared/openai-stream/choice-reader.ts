// One choice of an answer, out of the chunks that hold its pieces.
import type { ChatEvent, ChoiceEnd } from "../../adapter.ts";
import { type AnswerChoice, type ChoiceEvent, eventsOf, finishReasonOf } from "./chunk.ts";
import { releasedText } from "./released-text.ts";

/** Adds to `events`. `index`: of the choice; undefined where it is the only one. */
export function choiceReader(stop: readonly string[], events: ChatEvent[], index: number | undefined) {
  const text = releasedText(stop);
  const released: ChatEvent[] = index === undefined ? events : [];
  let reason: ChoiceEnd["reason"] | undefined;
  let stopped = false;
  let begun = false;

  const passOn = (): void => {
    if (index !== undefined) events.push(...released.splice(0).map((event) => ({ ...event, choice: index })));
  };
  const addEvent = (event: ChoiceEvent): void => {
    if (event.type !== "text") released.push(event);
    else if (text.push(event, released) !== undefined) [reason, stopped] = ["stop", true];
    begun = true;
    passOn();
  };
  return {
    /** A stop string has come: the rest is not looked at. */
    get stopped() {
      return stopped;
    },
    get begun() {
      return begun;
    },
    add(choice: AnswerChoice): void {
      reason ??= finishReasonOf(choice);
      for (const event of eventsOf(choice)) if (!stopped) addEvent(event);
    },
    addText(piece: string): void {
      if (piece !== "") addEvent({ type: "text", text: piece });
    },
    /** Undefined where it has not come to its end. */
    end(): ChoiceEnd | undefined {
      if (reason === undefined) return undefined;
      text.flush(released);
      passOn();
      return { reason };
    },
  };
}
