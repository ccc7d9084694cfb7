// One line about a download, as wide as the terminal has room for.
import { formatBytes, formatDuration } from "../support/quantities.ts";

export interface Progress {
  /** Bytes. */
  done: number;
  /** Bytes; undefined where the source does not say it. */
  total: number | undefined;
  /** Bytes a second; undefined until some have come. */
  rate: number | undefined;
}

const [SHORTEST_BAR, LONGEST_BAR] = [8, 24];
/** Bytes a second: a lower rate would read as none. */
const LEAST_RATE = 100;
const BETWEEN = " | ";

/**
 * What fits into `columns`: the share, the rate and the time that is left, then the bytes, then a bar, then the name. What is not known yet is
 * left out.
 */
export function progressLine(name: string, { done, total, rate }: Progress, columns: number): string {
  const moves = rate !== undefined && rate >= LEAST_RATE;
  const speed = moves ? [`${formatBytes(rate)}/s`] : [];
  if (total === undefined)
    return firstThatFits(columns, [
      [`${name} ${formatBytes(done)}`, ...speed],
      [formatBytes(done), ...speed],
    ]);
  const share = `${Math.floor((100 * done) / total)} %`;
  const left = moves && done < total ? [`${formatDuration(Math.ceil((total - done) / rate))} left`] : [];
  const bytes = `${formatBytes(done)} of ${formatBytes(total)}`;
  const facts = [bytes, ...speed, ...left];
  const room = columns - [`${name}  ${share}`, ...facts].join(BETWEEN).length;
  const room_without_name = columns - [` ${share}`, ...facts].join(BETWEEN).length;
  const bar = (length: number): string => {
    const full = Math.round((length * done) / total);
    return "█".repeat(full) + "░".repeat(length - full);
  };
  if (room >= SHORTEST_BAR) return [`${name} ${bar(Math.min(room, LONGEST_BAR))} ${share}`, ...facts].join(BETWEEN);
  if (room_without_name >= SHORTEST_BAR)
    return [`${bar(Math.min(room_without_name, LONGEST_BAR))} ${share}`, ...facts].join(BETWEEN);
  return firstThatFits(columns, [[share, ...facts], [share, ...speed, ...left], [share, ...left], [share]]);
}

function firstThatFits(columns: number, choices: string[][]): string {
  const lines = choices.map((parts) => parts.join(BETWEEN));
  return lines.find((line) => line.length <= columns) ?? lines.at(-1)!;
}
