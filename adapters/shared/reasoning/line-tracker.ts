// Where in a Markdown text a piece of it ends: at the beginning of a line, outside of code.

export interface LineTracker {
  push(text: string): void;
  atStart(): boolean;
}

/** Characters of a line that matter. */
const LONGEST = 80;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

export function createLineTracker(): LineTracker {
  let line = "";
  let fence: string | undefined;

  const endLine = (): void => {
    const marks = FENCE.exec(line)?.[1];
    if (fence === undefined) fence = marks;
    else if (marks?.startsWith(fence) && line.trim() === marks) fence = undefined;
    line = "";
  };
  return {
    push(text) {
      const [first = "", ...others] = text.split("\n");
      line = (line + first).slice(0, LONGEST);
      for (const other of others) {
        endLine();
        line = other.slice(0, LONGEST);
      }
    },
    atStart: () => fence === undefined && /^ {0,3}$/.test(line),
  };
}
