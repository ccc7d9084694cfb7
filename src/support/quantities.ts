// Times and sizes as people write them, in a setting or in a request.
import * as v from "valibot";
import { quote } from "./quote.ts";
import { codedMessage } from "./coded-message.ts";

const UNIT_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The longest time that a timer of the runtimes can wait. */
const LONGEST_MS = 2 ** 31 - 1;

const UNIT_BYTES: Record<string, number> = {
  b: 1,
  ...{ k: 1e3, m: 1e6, g: 1e9, t: 1e12 },
  ...{ kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 },
  ...{ ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 },
};

/** A person who writes 8 without a unit means gigabytes. */
const LEAST_BARE_BYTES = 1e6;

/**
 * How long an idle model stays loaded, in milliseconds, 0 for not at all and `Infinity` for ever; out of seconds, as a number or
 * a text, out of "30s", "10m", "1h30m", as Go writes a duration, and for ever out of -1 and what is below 0 else.
 */
export const KeepAlive = quantitySchema(
  "keep_alive",
  parseMilliseconds,
  'It must be seconds or a time such as "30s", "10m" or "1h30m", at most "576h"; 0 unloads at once, -1 never.',
);

/** How long a request may take, in milliseconds, `Infinity` for ever; written as `KeepAlive`. */
export const Timeout = quantitySchema(
  "timeout",
  (value) => parseMilliseconds(value) || Number.NaN,
  'It must be seconds or a time such as "30s", "10m" or "1h30m", at most "576h"; -1 is for ever.',
);

/** Bytes for all models together, out of a number or of "512MB", "8GB", "7.5GiB". */
export const MemorySize = quantitySchema(
  "memory",
  parseBytes,
  'It must be a size such as "512MB", "8GB" or "7.5GiB", or a number of bytes of at least 1000000.',
);

/** Bytes of disk; 0 is none. */
export const DiskSize = quantitySchema(
  "kv_cache",
  (value) => (/^0+$/.test(String(value)) ? 0 : parseBytes(value)),
  'It must be a size such as "512MB" or "2GB", or a number of bytes of at least 1000000; 0 keeps nothing.',
);

/** llama-server takes no larger body than 100 MiB, and what goes to it is a little larger than what came. */
const [LEAST_BODY, LARGEST_BODY] = [1e6, 1e8];

/** Bytes of the body of a request. */
export const BodySize = quantitySchema(
  "body_limit",
  (value) => {
    const bytes = parseBytes(value);
    return bytes >= LEAST_BODY && bytes <= LARGEST_BODY ? bytes : Number.NaN;
  },
  'It must be a size from "1MB" to "100MB", or that number of bytes.',
);

/** Bytes in words: `7.5 GB`. */
export function formatBytes(count: number): string {
  const units = ["kB", "MB", "GB", "TB"];
  let value = Math.max(0, count) / 1000;
  for (; value >= 1000 && units.length > 1; value /= 1000) units.shift();
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[0]}`;
}

/** Seconds in words: `45 s`, `5 min`, `3 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function quantitySchema(name: string, read: (value: number | string) => number, remedy: string) {
  return v.pipe(
    v.union([v.number(), v.string()]),
    v.check(
      (value) => !Number.isNaN(read(value)),
      ({ input }) => codedMessage("invalid_value", `"${name}" is ${quote(input)}. ${remedy}`),
    ),
    v.transform(read),
  );
}

/** `NaN` where the value is not a time. */
function parseMilliseconds(value: number | string): number {
  const text = String(value);
  if (/^-\d/.test(text)) return Number.isNaN(parseMilliseconds(text.slice(1))) ? Number.NaN : Number.POSITIVE_INFINITY;
  if (!/^(\d+(\.\d+)?|(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+)$/.test(text)) return Number.NaN;
  const parts = text.matchAll(/([\d.]+)([a-zµ]*)/g);
  const ms = Math.round([...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit || "s"]!, 0));
  return ms <= LONGEST_MS ? ms : Number.NaN;
}

/** `NaN` where the value is not a size. */
function parseBytes(value: number | string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?) ?([kmgt]?(?:i?b?))?$/i.exec(String(value)) ?? [];
  const count = Math.round(Number(amount) * (UNIT_BYTES[unit.toLowerCase() || "b"] ?? Number.NaN));
  return Number.isSafeInteger(count) && count >= (unit === "" ? LEAST_BARE_BYTES : 1) ? count : Number.NaN;
}
