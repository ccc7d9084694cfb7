// Whether what keeps the records can be reached: the data folder, and the server of a driver that has one. Looked at by a timer, so that
// no read pays for it; a change looks for itself, before and after, so that none is acknowledged that went nowhere or elsewhere.
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../support/log/log.ts";
import { unavailable } from "./faults.ts";
import type { IsThere } from "./folder-identity.ts";

export interface Presence {
  /** As it was at the last look. */
  there(): boolean;
  /** Without a look where it was there at the last one. Throws 503 `storage_unavailable` where it is away. */
  ensure(): void | Promise<void>;
  /** Looks now whether the folder is there. Throws 503, with `sentence`, where it is not, and what the system says where that cannot be seen. */
  confirm(sentence?: string): Promise<void>;
  /** Calls `away` when it is no longer there, at once where it is away by now, and `back` when it is again. */
  watch(watcher: PresenceWatcher): void;
  close(): void;
}

export interface PresenceWatcher {
  away(): void;
  back(): void;
}

export interface PresenceOptions {
  /** Whether the folder is the one that was opened. */
  isThere: IsThere;
  /** Whether a driver's server answers; absent: the driver has none. Never throws. */
  answers?: (() => Promise<boolean>) | undefined;
  /** Called when it is there again: false where it may not be used all the same. */
  mayReturn: () => Promise<boolean>;
  log: Log;
  every_ms?: number;
}

/** Three looks fit into a second: two that see nothing, and one between them that was just over. */
const EVERY_MS = 250;
const AWAY = "The storage cannot be reached.";

export function createPresence({ isThere, answers, mayReturn, log, every_ms = EVERY_MS }: PresenceOptions): Presence {
  const watchers: PresenceWatcher[] = [];
  let there = true;
  let unseen = 0;
  let looking: Promise<void> | undefined;
  let closed = false;

  const turn = (found: boolean): void => {
    if (there === found || closed) return;
    there = found;
    if (there) log.info("the storage is back");
    else log.error("the storage is away: nothing is read or written until it is back");
    for (const watcher of watchers) watcher[there ? "back" : "away"]();
  };
  const lookNow = async (): Promise<void> => {
    try {
      const found = (await isThere()) && (answers === undefined || (await answers()));
      unseen = 0;
      turn(found && (there || (await mayReturn())));
    } catch {
      // Too few open files, or one error of the disk, say nothing about the folder.
      if (++unseen > 1) turn(false);
    }
  };
  const look = (): Promise<void> => (looking ??= lookNow().finally(() => (looking = undefined)));
  const timer = setInterval(look, every_ms);
  timer.unref();

  const assertThere = (sentence = AWAY): void => {
    if (!there) throw unavailable(sentence);
  };
  return {
    there: () => there,
    ensure: () => (there ? undefined : look().then(() => assertThere())),
    async confirm(sentence) {
      if (!there) await look();
      else if (!(await isThere())) turn(false);
      assertThere(sentence);
    },
    watch(watcher) {
      watchers.push(watcher);
      if (!there) watcher.away();
    },
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}

/** Whether `work` is done in time; also where its end has come while this process was busy elsewhere. */
export async function isDoneWithin(ms: number, work: () => Promise<unknown>): Promise<boolean> {
  let done: boolean | undefined;
  const worked = work().then(
    () => (done = true),
    () => (done = false),
  );
  const stop = new AbortController();
  await Promise.race([worked, sleep(ms, undefined, { signal: stop.signal, ref: false }).catch(() => {})]);
  stop.abort();
  if (done === undefined) await nextTurn();
  return done ?? false;
}
