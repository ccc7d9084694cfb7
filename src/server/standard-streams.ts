// Standard output and standard error. Either may close or fill up at any time: text that cannot be written is lost, and nothing else
// comes of it.
import { fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

export interface Output {
  readonly isTTY: boolean;
  /** Whether it is a terminal that has colours, and its user has not forbidden them: https://no-color.org */
  readonly hasColors: boolean;
  /** The width of a terminal, in characters; undefined where it does not say it. */
  readonly columns: number | undefined;
  /** Its height, in lines. */
  readonly rows: number | undefined;
  /** Never throws. `onEnd` is called when the text is out, with the error where it could not be written whole. */
  write(text: string, onEnd?: (error?: NodeJS.ErrnoException) => void): void;
}

export const standardOutput = outputOf(1, () => process.stdout);
export const standardError = outputOf(2, () => process.stderr);

function outputOf(fd: number, streamOf: () => NodeJS.WriteStream): Output {
  let pending = 0;
  return {
    get isTTY() {
      return streamOf().isTTY;
    },
    get hasColors() {
      return streamOf().isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
    },
    get columns() {
      return streamOf().columns || undefined;
    },
    get rows() {
      return streamOf().rows || undefined;
    },
    write(text, onEnd = ignore) {
      try {
        // Deno's stream for a file accepts nothing any more after one write that failed; a full disk may have room again.
        if (isFile(fd)) {
          writeWhole(fd, text);
          return onEnd();
        }
        const stream = streamOf();
        // The callback gets the error, but an "error" event without a listener would still end the process. A program that embeds
        // ingle handles errors of its own writes as before: the listener is removed with the last write of ours.
        if (pending++ === 0) stream.on("error", ignore);
        stream.write(text, (error) => {
          onEnd(error ?? undefined);
          setImmediate(() => --pending === 0 && stream.off("error", ignore));
        });
      } catch (error) {
        onEnd(error as Error);
      }
    },
  };
}

function ignore(): void {}

/** A regular file, or a device such as `/dev/null`, to which every write is synchronous. */
function isFile(fd: number): boolean {
  const stats = fstatSync(fd);
  return stats.isFile() || (stats.isCharacterDevice() && !isatty(fd));
}

/** Bytes are made of what is left alone: a runtime writes a text faster than it makes bytes of it. */
function writeWhole(fd: number, text: string): void {
  const written = writeSync(fd, text);
  if (written === Buffer.byteLength(text)) return;
  for (let left = Buffer.from(text).subarray(written); left.length > 0;) left = left.subarray(writeSync(fd, left));
}
