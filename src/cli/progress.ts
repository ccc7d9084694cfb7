// The progress of a download: a bar on a terminal, a line now and then in a file or a pipe.
import { SingleBar, type GenericFormatter } from "cli-progress";
import type { DownloadProgress } from "../../models/sources/source.ts";
import { formatBytes } from "../support/quantities.ts";
import { progressLine, type Progress } from "./progress-line.ts";
import { standardError, type Output } from "../server/standard-streams.ts";

const LINE_MS = 2_000;
const LINE_SHARE = 0.1;

/** Draws the steps of a download named `name`, on standard error, and passes on what the download throws. */
export async function showProgress(name: string, steps: AsyncIterable<DownloadProgress>, screen = standardError): Promise<void> {
  const view = screen.isTTY ? barView(name, screen) : lineView(name, screen);
  let source: string | undefined;
  try {
    for await (const step of steps) {
      if (step.source !== source) {
        ({ source } = step);
        view.pause();
        if (step.problem) screen.write(`${step.problem}\n`);
        const resumed = step.resumed_from === undefined ? "" : `, from ${formatBytes(step.resumed_from)} on`;
        screen.write(`Downloading ${name} from ${step.source}${resumed}.\n`);
      }
      view.show(step);
    }
  } finally {
    view.pause();
  }
}

interface View {
  show(step: DownloadProgress): void;
  /** Leaves the cursor at the start of a fresh line. */
  pause(): void;
}

function barView(name: string, screen: Output): View {
  let drawn: SingleBar | undefined;
  let rate = rateMeter();
  return {
    show({ bytes, total }) {
      if (drawn === undefined) {
        rate = rateMeter();
        const format = (_options: object, { maxWidth }: { maxWidth: number }, progress: Progress): string =>
          progressLine(name, progress, maxWidth);
        const stream = screen as NodeJS.WritableStream & Output;
        drawn = new SingleBar({ format: format as GenericFormatter, stream, hideCursor: true });
        drawn.start(total ?? 0, bytes, { done: bytes, total, rate: rate(bytes) } satisfies Progress);
      }
      drawn.update(bytes, { done: bytes, total, rate: rate(bytes) } satisfies Progress);
    },
    pause() {
      drawn?.stop();
      drawn = undefined;
    },
  };
}

function lineView(name: string, screen: Output): View {
  let rate = rateMeter();
  let printed = { at: Date.now(), bytes: 0 };
  return {
    show({ bytes, total }) {
      const speed = rate(bytes);
      const due = Date.now() - printed.at >= LINE_MS && bytes - printed.bytes >= LINE_SHARE * (total ?? 0);
      if (!(due || bytes === total) || bytes === printed.bytes) return;
      printed = { at: Date.now(), bytes };
      const share = total === undefined ? "" : ` of ${formatBytes(total)} (${Math.floor((100 * bytes) / total)} %)`;
      screen.write(`${name}: ${formatBytes(bytes)}${share}${speed === undefined ? "" : `, ${formatBytes(speed)}/s`}\n`);
    },
    pause() {
      rate = rateMeter();
      printed = { at: Date.now(), bytes: 0 };
    },
  };
}

/** Bytes a second since the first call, which is where a resumed download starts to count; undefined while none have come. */
function rateMeter(): (bytes: number) => number | undefined {
  let first: { at: number; bytes: number } | undefined;
  return (bytes) => {
    first ??= { at: Date.now(), bytes };
    const seconds = (Date.now() - first.at) / 1000;
    return seconds > 0 && bytes > first.bytes ? (bytes - first.bytes) / seconds : undefined;
  };
}
