// What the process of an engine has to tell the server. A message costs both processes more than a token of a small model costs the engine, so
// the texts of an answer that come within a moment are one message (`bench`, rows `processor time a token`).
import { encodeMessage } from "../shared/json-lines.ts";
import type { ChildEvent, FromChild } from "./protocol.ts";

/** In ms: how long a text waits for others at most, less the millisecond by which a timer may be late. */
export const JOIN_MS = 15;

type ChildText = Extract<ChildEvent, { type: "text" }>;

/** `write` gets the lines of all messages that leave together. `now`: in ms. */
export function createOutbox(write: (lines: string) => void, now: () => number = () => performance.now()) {
  let messages: FromChild[] = [];
  /** By answer: the text among the messages that a further one is joined to. */
  const texts = new Map<string, ChildText>();
  let left_at = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leaves_now = false;

  const leave = (): void => {
    clearTimeout(timer);
    [timer, leaves_now, left_at] = [undefined, false, now()];
    const lines = messages.map(encodeMessage).join("");
    messages = [];
    texts.clear();
    write(lines);
  };
  /** Behind what the engine tells in the same turn, of all generations: the reader wakes up once. */
  const leaveNow = (): void => {
    if (!leaves_now) setImmediate(leave);
    leaves_now = true;
  };
  const leaveSoon = (): void => {
    if (leaves_now || timer !== undefined) return;
    const ms = left_at + JOIN_MS - now();
    if (ms > 0) timer = setTimeout(leave, ms);
    else leaveNow();
  };

  const send = (message: FromChild): void => {
    messages.push(message);
    leaveNow();
  };

  return {
    /** Takes a message that leaves at once. */
    send,
    /**
     * Takes the events of one call. Those of each answer keep their order. The first text of an answer, and its end, leaves at once and takes along
     * what waits; other texts, vectors and scores wait where some have left just before.
     */
    call(id: number): (event: ChildEvent) => void {
      const begun = new Set<number>();
      return (event) => {
        if (event.type === "embedding" || event.type === "score") {
          // The answer has all of them: none is waited for.
          messages.push({ type: "event", id, event });
          return leaveSoon();
        }
        const choice = ("choice" in event && event.choice) || 0;
        const answer = `${id} ${choice}`;
        if (event.type !== "text") {
          texts.delete(answer);
          return send({ type: "event", id, event });
        }
        // What is said of single tokens is for their text alone.
        const joins = event.count === undefined && event.logprobs === undefined;
        const before = texts.get(answer);
        if (joins && before !== undefined) {
          before.text += event.text;
          return;
        }
        const own = { ...event };
        messages.push({ type: "event", id, event: own });
        if (joins) texts.set(answer, own);
        else texts.delete(answer);
        if (begun.has(choice)) leaveSoon();
        else leaveNow();
        begun.add(choice);
      };
    },
  };
}
