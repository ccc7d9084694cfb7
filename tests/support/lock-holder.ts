// A process that takes a folder's lock, on whatever runtime it is started with: `LOCK hold|starve|race WITNESS`. Prints JSON lines.
import { closeSync, mkdirSync, openSync, rmdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createInterface } from "node:readline";
import { takeFolderLock, type FolderLock } from "../../src/storage/lock/folder-lock.ts";
import { LockedError } from "../../src/storage/lock/holder.ts";

const [path = "", mode, witness = ""] = process.argv.slice(2);
const say = (words: object): void => console.log(JSON.stringify(words));
// Nothing is to be had by waiting: who is dead is seen to be.
const take = () =>
  takeFolderLock(path, {
    ...{ command: "test", heartbeat_ms: 50, stale_ms: 600_000 },
    onLost: (holder) => say({ lost: holder?.pid ?? null }),
  });

if (mode === "race") await race();
else await hold();

/** Holds it until it is told `release`; `announce URL` tells others of an address. */
async function hold(): Promise<void> {
  const lock = await take().catch((error: Error) => error);
  if (lock instanceof Error) {
    say({ refused: lock.message, pid: lock instanceof LockedError ? lock.holder.pid : null });
    process.exit();
  }
  say({ taken: process.pid });
  if (mode === "starve") return starve(lock);
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, url = ""] = line.split(" ");
    if (word === "announce") await lock.announceUrl(url);
    const held = lock.held();
    if (word === "release") await lock.release();
    say({ done: word, held });
    if (word === "release") process.exit();
  }
}

/** Goes through several beats without a file that it could open. */
async function starve(lock: FolderLock): Promise<never> {
  const open: number[] = [];
  try {
    for (;;) open.push(openSync("/dev/null", "r"));
  } catch (error) {
    say({ starved: (error as NodeJS.ErrnoException).code });
  }
  await sleep(300);
  open.forEach(closeSync);
  await sleep(150);
  say({ held: lock.held() });
  process.exit();
}

/** Takes it as soon as it can be had, and dies with it. The folder `witness` is there while somebody believes to hold it. */
async function race(): Promise<void> {
  for (;;) {
    const lock = await take().catch((error: Error) => error);
    if (lock instanceof LockedError) await sleep(1 + Math.random() * 4);
    else if (lock instanceof Error) throw lock;
    else break;
  }
  try {
    mkdirSync(witness);
    await sleep(15);
    rmdirSync(witness);
    say({ alone: true });
  } catch {
    say({ alone: false });
  }
  process.kill(process.pid, "SIGKILL");
}
