// Ids that grow with time, so that sorting by id is sorting by age.
import { decodeTime, monotonicFactory } from "ulid";

/** Fetched in bulk: ulid takes one number a character, and each call of the system's generator costs as much as a whole id. */
const pool = new Uint32Array(256);
let used = pool.length;

function random(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  return pool[used++]! / 2 ** 32;
}

const next = monotonicFactory(random);

/** The ids of records that ingle itself names: no other text with this form was ever issued. */
export const OWN_ID = /^(thread|msg|asst)_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** `prefix` and 26 lower-case characters: `chatcmpl-01jd…`. Each sorts behind the one before, whatever the clock says. */
export const newId = (prefix: string): string => prefix + next().toLowerCase();

/** Makes ids of requests: told apart, also from those of an earlier process, and cheap, as every answer carries one. */
export function createRequestIds(): () => string {
  const start = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  let count = 0;
  return () => `req_${start}${(count++).toString(36)}`;
}

/** Makes all further ids sort behind this one of our own: it was issued by an earlier process whose clock may have been ahead. */
export function issueAbove(id: string): void {
  const time = decodeTime(id.slice(id.indexOf("_") + 1).toUpperCase());
  // A millisecond at the end of time cannot be passed: such an id was written by hand.
  if (time >= Date.now() && time < 2 ** 48 - 1) next(time + 1);
}
