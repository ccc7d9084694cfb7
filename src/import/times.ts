// The times of old files: seconds, milliseconds or text, under several names, or not at all.
import { isValid } from "ulid";
import { timeOf } from "./ids.ts";

/** 1973: before it lie zeros and counters, not conversations. */
const EARLIEST = 100_000_000_000;
const A_DAY = 86_400_000;

/** Milliseconds since 1970; undefined for what is no time, or lies in the future of `now` (milliseconds too). */
export function millisecondsOf(value: unknown, now: number): number | undefined {
  const time = typeof value === "number" ? inMilliseconds(value) : typeof value === "string" ? ofText(value) : NaN;
  return time >= EARLIEST && time <= now + A_DAY ? Math.floor(time) : undefined;
}

/** The first of the values that is a time. */
export function firstTime(now: number, ...values: unknown[]): number | undefined {
  for (const value of values) {
    const time = millisecondsOf(value, now);
    if (time !== undefined) return time;
  }
  return undefined;
}

/** Jan's own ids tell when they were made, also where `created_at` is 0. */
export function timeOfUlid(id: string, now: number): number | undefined {
  return isValid(id) ? millisecondsOf(timeOf(id), now) : undefined;
}

export const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

/** A count of seconds since 1970 stays below 1e11 for three thousand years; one of milliseconds was above it from 1973 on. */
function inMilliseconds(value: number): number {
  if (value < 1e11) return value * 1000;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}

function ofText(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) ? inMilliseconds(Number(value)) : Date.parse(value);
}
