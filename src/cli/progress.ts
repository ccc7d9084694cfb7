// The progress of a download: a bar on a terminal, a line now and then in a file or a pipe.
import { Presets, SingleBar } from "cli-progress";
import type { DownloadProgress } from "../../models/sources/source.ts";
import { formatBytes } from "../support/quantities.ts";
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
  let drawn: { bar: SingleBar; total: number | undefined } | undefined;
  let rate = rateMeter();
  const start = (bytes: number, total: number | undefined) => {
    rate = rateMeter();
    const known = "{bar} {percentage} % | {done} of {whole} | {rate}/s | {eta_formatted} left";
    const format = `${name} ${total === undefined ? "{done} | {rate}/s" : known}`;
    const stream = screen as NodeJS.WritableStream & Output;
    const bar = new SingleBar({ format, stream, hideCursor: true, etaBuffer: 500, barsize: 24 }, Presets.shades_classic);
    bar.start(total ?? 0, bytes, facts(bytes, total));
    return { bar, total };
  };
  const facts = (bytes: number, total = 0) => {
    return { done: formatBytes(bytes), whole: formatBytes(total), rate: formatBytes(rate(bytes)) };
  };
  const pause = () => {
    drawn?.bar.stop();
    drawn = undefined;
  };
  return {
    show({ bytes, total }) {
      if (drawn?.total !== total) pause();
      drawn ??= start(bytes, total);
      drawn.bar.update(bytes, facts(bytes, total));
    },
    pause,
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
      screen.write(`${name}: ${formatBytes(bytes)}${share}, ${formatBytes(speed)}/s\n`);
    },
    pause() {
      rate = rateMeter();
      printed = { at: Date.now(), bytes: 0 };
    },
  };
}

/** Bytes a second since the first call, which is where a resumed download starts to count. */
function rateMeter(): (bytes: number) => number {
  let first: { at: number; bytes: number } | undefined;
  return (bytes) => {
    first ??= { at: Date.now(), bytes };
    const seconds = (Date.now() - first.at) / 1000;
    return seconds > 0 ? Math.max(0, (bytes - first.bytes) / seconds) : 0;
  };
}
