// The times of old files: seconds, milliseconds or text, under several names, or not at all.
import { isValid } from "ulid";
import { timeOf } from "./ids.ts";

/** 1973: before it lie zeros and counters, not conversations. */
const EARLIEST = 100_000_000_000;
const A_DAY = 86_400_000;

/** Milliseconds since 1970; undefined for what is not a time, or lies in the future of `now` (milliseconds too). */
export function parseMilliseconds(value: unknown, now: number): number | undefined {
  const time = typeof value === "number" ? toMilliseconds(value) : typeof value === "string" ? parseTime(value) : NaN;
  return time >= EARLIEST && time <= now + A_DAY ? Math.floor(time) : undefined;
}

/** The first of the values that is a time. */
export function findFirstTime(now: number, ...values: unknown[]): number | undefined {
  for (const value of values) {
    const time = parseMilliseconds(value, now);
    if (time !== undefined) return time;
  }
  return undefined;
}

/** Jan's own ids hold the time when they were made, also where `created_at` is 0. */
export function parseUlidTime(id: string, now: number): number | undefined {
  return isValid(id) ? parseMilliseconds(timeOf(id), now) : undefined;
}

export const toSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

/** A count of seconds since 1970 stays below 1e11 for three thousand years; one of milliseconds was above it from 1973 on. */
function toMilliseconds(value: number): number {
  if (value < 1e11) return value * 1000;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}

function parseTime(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) ? toMilliseconds(Number(value)) : Date.parse(value);
}
