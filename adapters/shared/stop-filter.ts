// Finds stop strings in a stream of text pieces, also where one lies across several pieces.
import type { ThoughtMarkers } from "../prompts.ts";

export interface ReleasedPiece {
  /** The text that can go to the client now. */
  text: string;
  /** A stop string has come, and the text after it is dropped. */
  stopped: boolean;
  /** Which one. */
  stopped_by?: string;
}

/** `thoughts`: between these texts no stop string counts; `opened`: the first of them has come before. */
export function stopFilter(stops: readonly string[], thoughts?: ThoughtMarkers & { opened: boolean }) {
  let held = "";
  let thinking = thoughts?.opened ?? false;

  /** Releases what is safe of the text that is held; recurs behind each marker of thoughts. */
  const release = (): ReleasedPiece => {
    const watched = thoughts === undefined ? stops : thinking ? [thoughts.end] : [...stops, thoughts.begin];
    const found = firstOf(watched, held);
    const end = found?.at ?? held.length - openEndLength(watched, held);
    if (found === undefined) {
      const text = held.slice(0, end);
      held = held.slice(end);
      return { text, stopped: false };
    }
    const is_marker = thoughts !== undefined && (thinking || !stops.includes(found.text));
    if (!is_marker) {
      const text = held.slice(0, end);
      held = "";
      return { text, stopped: true, stopped_by: found.text };
    }
    const text = held.slice(0, end + found.text.length);
    held = held.slice(text.length);
    thinking = !thinking;
    const rest = release();
    return { ...rest, text: text + rest.text };
  };

  return {
    push(piece: string): ReleasedPiece {
      if (stops.length === 0) return { text: piece, stopped: false };
      held += piece;
      return release();
    },
    /** The text held back as a possible beginning of a stop string, once the text has ended. */
    rest(): string {
      const text = held;
      held = "";
      return text;
    },
  };
}

/** The one that comes first; of two at one place the longer. */
function firstOf(texts: readonly string[], text: string): { at: number; text: string } | undefined {
  let first: { at: number; text: string } | undefined;
  for (const one of texts) {
    const at = text.indexOf(one);
    if (at < 0 || (first !== undefined && (at > first.at || (at === first.at && one.length <= first.text.length)))) continue;
    first = { at, text: one };
  }
  return first;
}

/** The length of the longest end of `text` with which one of the texts begins. */
export function openEndLength(texts: readonly string[], text: string): number {
  const longest = Math.min(text.length, Math.max(...texts.map((one) => one.length)) - 1);
  for (let length = longest; length > 0; length--) {
    const end = text.slice(-length);
    if (texts.some((one) => one.startsWith(end))) return length;
  }
  return 0;
}
