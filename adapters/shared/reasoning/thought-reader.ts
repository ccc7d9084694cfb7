// Takes the thoughts out of the text of an answer, piece by piece. White space around them belongs to the markers.
import type { ChatEvent } from "../../adapter.ts";
import type { ThoughtMarkers } from "../../prompts.ts";
import { openEndLength } from "../stop-filter.ts";
import { createLineTracker } from "./line-tracker.ts";
import { isThinking, type ThoughtPlace } from "./thought-place.ts";

type ThoughtPiece = Omit<Extract<ChatEvent, { type: "text" | "reasoning" }>, "choice" | "logprobs">;

export interface ThoughtReader {
  /** What is sure with this piece. */
  read(text: string): ThoughtPiece[];
  /** What was held back as a possible beginning of a marker, once the text has ended. */
  rest(): ThoughtPiece[];
  /** Whether the text so far ends in thoughts. */
  readonly thinking: boolean;
  /** Whether some of the text is held back; what is not was told, or is no part of the answer. */
  readonly holds: boolean;
}

/** `start`: neither thoughts nor a text have begun. `over`: behind the mark that ends a text. */
type State = "start" | "thoughts" | "text" | "over";

const CHANNEL = /^<\|channel\|>\w+(?=<\|message\|>$)/;

export function createThoughtReader(markers: ThoughtMarkers, place: ThoughtPlace): ThoughtReader {
  const { begin, end, next, text_begins = [], text_end } = markers;
  const heads: [mark: string, then: State][] = [
    [begin, "thoughts"],
    ...text_begins.map((mark): [string, State] => [mark, "text"]),
    // A call may be in a channel of texts: its recipient stands where the head of a text ends.
    ...text_begins.flatMap((mark) => CHANNEL.exec(mark) ?? []).map((mark): [string, State] => [mark, "start"]),
    ...[end, ...(next ? [next] : [])].map((mark): [string, State] => [mark, "start"]),
  ];
  heads.sort(([one], [other]) => other.length - one.length);
  const again = laterBegin(markers);
  const part_end = next && end + next;
  // Templates may have marks around the texts behind thoughts, and around no others.
  let text_end_mark = place === "closed" || place === "in text" ? text_end?.mark : undefined;

  let state: State = isThinking(place) ? "thoughts" : place === "in text" ? "text" : "start";
  let held = "";
  let thought_begun = place === "in thoughts";
  let thought_before = thought_begun;
  let lines = createLineTracker();
  let pieces: ThoughtPiece[] = [];

  const emit = (type: ThoughtPiece["type"], text: string): void => {
    if (text === "") return;
    const last = pieces.at(-1);
    if (last?.type === type) last.text += text;
    else pieces.push({ type, text });
  };
  const think = (text: string): void => {
    if (text === "") return;
    if (!thought_begun && thought_before) emit("reasoning", "\n\n");
    thought_begun = true;
    thought_before = true;
    emit("reasoning", text);
  };
  const enter = (then: State): true => {
    state = then;
    if (then === "thoughts") thought_begun = false;
    if (then === "text") lines = createLineTracker();
    return true;
  };
  const say = (length: number): void => {
    const text = held.slice(0, length);
    held = held.slice(length);
    lines.push(text);
    emit("text", text);
  };

  /** Each answers whether there is more to be read of what is held. */
  const steps: Record<State, () => boolean> = {
    start() {
      held = held.trimStart();
      if (held === "") return false;
      const head = heads.find(([mark]) => held.startsWith(mark));
      const undecided = heads.some(([mark]) => mark.length > held.length && mark.startsWith(held));
      if (undecided) return false;
      if (head !== undefined) {
        const [mark, then] = head;
        held = held.slice(mark.length);
        if (then === "text") text_end_mark = text_end?.mark;
        return enter(then);
      }
      return enter("text");
    },
    thoughts() {
      if (!thought_begun) held = held.trimStart();
      const at = held.indexOf(end);
      if (at >= 0) {
        think(held.slice(0, at).trimEnd());
        held = held.slice(at + end.length);
        return enter("start");
      }
      const sure = held.slice(0, held.length - openEndLength([end], held)).trimEnd();
      think(sure);
      held = held.slice(sure.length);
      return false;
    },
    text() {
      const text_marks = [again, part_end, text_end_mark].filter((mark) => mark !== undefined);
      const [at, mark] = firstOf(text_marks, held) ?? [held.length - openEndLength(text_marks, held)];
      say(at);
      if (mark === undefined) return false;
      if (mark === again && !lines.atStart()) {
        say(mark.length);
        return true;
      }
      held = held.slice(mark.length);
      return enter(mark === again ? "thoughts" : mark === part_end ? "start" : "over");
    },
    over() {
      if (text_end!.rest.startsWith(held)) return false;
      return enter("text");
    },
  };

  const take = (): ThoughtPiece[] => {
    const taken = pieces;
    pieces = [];
    return taken;
  };
  return {
    read(text) {
      held += text;
      while (steps[state]()) {}
      return take();
    },
    rest() {
      if (state === "thoughts") think(held);
      else if (state !== "over") emit("text", held);
      held = "";
      return take();
    },
    get thinking() {
      return state === "thoughts";
    },
    get holds() {
      return held !== "";
    },
  };
}

/** What begins thoughts behind a text. A beginning that is a plain sentence is one where an answer begins, and nowhere else. */
export function laterBegin({ begin, next }: ThoughtMarkers): string | undefined {
  return next === undefined && /^[<[]/.test(begin) ? begin : undefined;
}

function firstOf(marks: readonly string[], text: string): [at: number, mark: string] | undefined {
  const found = marks.map((mark): [number, string] => [text.indexOf(mark), mark]).filter(([at]) => at >= 0);
  return found.sort(([one], [other]) => one - other)[0];
}
