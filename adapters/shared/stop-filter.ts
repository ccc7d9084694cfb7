// Finds stop strings in a stream of text pieces, also where one lies across several pieces.

export function stopFilter(stops: readonly string[]) {
  let held = "";
  return {
    /** The text that can go to the client now; `stopped`: a stop string has come, and the text after it is dropped. */
    push(piece: string): { text: string; stopped: boolean } {
      if (stops.length === 0) return { text: piece, stopped: false };
      held += piece;
      const found = firstStop(stops, held);
      const end = found ?? held.length - openEndLength(stops, held);
      const text = held.slice(0, end);
      held = found === undefined ? held.slice(end) : "";
      return { text, stopped: found !== undefined };
    },
    /** The text held back as a possible beginning of a stop string, once the text has ended. */
    rest(): string {
      const text = held;
      held = "";
      return text;
    },
  };
}

function firstStop(stops: readonly string[], text: string): number | undefined {
  const places = stops.map((stop) => text.indexOf(stop)).filter((place) => place >= 0);
  return places.length === 0 ? undefined : Math.min(...places);
}

/** The length of the longest end of `text` with which a stop string begins. */
function openEndLength(stops: readonly string[], text: string): number {
  const longest = Math.min(text.length, Math.max(...stops.map((stop) => stop.length)) - 1);
  for (let length = longest; length > 0; length--) {
    const end = text.slice(-length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}
