// Ids that grow with time, so that sorting by id is sorting by age.
import { decodeTime, monotonicFactory } from "ulid";

/** Random numbers fetched in bulk: ulid takes one for each character of an id. */
const numbers = new Uint32Array(256);
let used = numbers.length;

function nextRandom(): number {
  if (used === numbers.length) {
    crypto.getRandomValues(numbers);
    used = 0;
  }
  return numbers[used++]! / 2 ** 32;
}

const nextUlid = monotonicFactory(nextRandom);

/** The form of ids of records that ingle makes: only `newId` makes text of this form. */
export const OWN_ID = /^(thread|msg|asst)_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** `prefix` and 26 lower-case characters: `chatcmpl-01jd…`. Each id sorts behind the one before, whatever the clock says. */
export const newId = (prefix: string): string => prefix + nextUlid().toLowerCase();

/** Makes ids of requests, unique beyond this process: a random start and a count. */
export function createRequestIds(): () => string {
  const start = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  let count = 0;
  return () => `req_${start}${(count++).toString(36)}`;
}

/** Milliseconds since 1970 at which an id of our own was made. */
export const timeOf = (id: string): number => decodeTime(id.slice(id.indexOf("_") + 1).toUpperCase());

/** Makes all further ids sort behind `id`, which an earlier process made: its clock may have been ahead. */
export function issueAbove(id: string): void {
  const time = timeOf(id);
  // An id of the last millisecond that ulid knows was written by hand: no id can sort behind it.
  if (time >= Date.now() && time < 2 ** 48 - 1) nextUlid(time + 1);
}
