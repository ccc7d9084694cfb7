// The lock of a data folder: one holder at a time, whoever dies, is killed, or deletes what.
import { afterAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { folderIdOf } from "../../models/folder-id.ts";
import { LOCK_FILE, MARKER } from "../../src/storage/file-names.ts";
import { holderOf, takeFolderLock } from "../../src/storage/lock/folder-lock.ts";
import { LockedError, thisProcess, type Holder } from "../../src/storage/lock/holder.ts";
import { attach, NO_STRACE } from "../faults/strace.ts";
import { socketAt } from "../support/folder.ts";
import { run } from "../support/program.ts";
import { failure } from "../support/records.ts";
import { runtimes } from "../support/runtimes.ts";
import { cleanEnv, eventually, MAIN } from "../support/server.ts";

const SLOW = 120_000;
const HOLDER = join(import.meta.dirname, "../support/lock-holder.ts");
/** So long that a test in which somebody waits it out never ends. */
const FOREVER = { command: "test", heartbeat_ms: 20, stale_ms: 600_000 };
const SHORT = { ...FOREVER, stale_ms: 300 };
const linux = process.platform === "linux" ? "" : " (skipped: only Linux tells when a process started)";

const root = mkdtempSync(join(tmpdir(), "ingle-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The path of a lock in a folder of its own. */
const place = (): string => join(mkdtempSync(join(root, "data-")), LOCK_FILE);
const holderAt = (path: string): Holder => JSON.parse(readFileSync(path, "utf8"));
const names = (path: string): string[] => readdirSync(join(path, ".."));
const write = (path: string, holder: object | string): void =>
  writeFileSync(path, typeof holder === "string" ? holder : JSON.stringify(holder));
const age = (path: string, ms: number): void => utimesSync(path, new Date(Date.now() - ms), new Date(Date.now() - ms));

/** Another process that does what `lock-holder.ts` can. */
function start(command: string[], path: string, ...words: string[]) {
  const child = spawn(command[0]!, [...command.slice(1), HOLDER, path, ...words], {
    env: cleanEnv(),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines: Record<string, any>[] = [];
  let over = false;
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  const ended = new Promise<void>((resolve) => child.on("close", () => ((over = true), resolve())));
  const said = async (count: number): Promise<Record<string, any>> => {
    await eventually("the holder speaks", () => lines.length >= count || over);
    return lines[count - 1] ?? { ended: true };
  };
  return {
    lines,
    ended,
    said,
    pid: child.pid!,
    async tell(words: string) {
      const count = lines.length + 1;
      child.stdin.write(`${words}\n`);
      return said(count);
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** As every start has another one. */
const TOKEN = "01234567-89ab-cdef-0123-456789abcdef";

/** A lock whose holder was killed, in this place. */
async function stale(command = runtimes().find(({ skip }) => skip === undefined)!.command): Promise<string> {
  const path = place();
  const holder = start(command, path, "hold");
  await holder.said(1);
  await holder.kill();
  return path;
}

describe.each(runtimes())("on $name", ({ command, skip }) => {
  const inTime = (name: string, work: () => Promise<void>) =>
    test.skipIf(skip !== undefined)(skip === undefined ? name : `${name} (skipped: ${skip})`, work, SLOW);

  inTime("whoever comes second is told who holds it, and where, and gets it when it is given back", async () => {
    const path = place();
    const holder = start(command, path, "hold");
    expect(await holder.said(1)).toEqual({ taken: holder.pid });
    const told = await failure(takeFolderLock(path, FOREVER));
    expect(told).toBeInstanceOf(LockedError);
    expect(told.message).toBe(`The data folder is in use by "ingle test", process ${holder.pid}.`);
    expect(statSync(path).mode & 0o777).toBe(0o600);

    await holder.tell("announce http://127.0.0.1:1337");
    const later = (await failure(takeFolderLock(path, FOREVER))) as unknown as LockedError;
    expect(later.message).toBe(`The data folder is in use by "ingle test", process ${holder.pid} at http://127.0.0.1:1337.`);
    expect(await holderOf(path)).toEqual(later.holder);
    expect(statSync(path).mode & 0o777).toBe(0o600);

    expect(await holder.tell("release")).toMatchObject({ done: "release" });
    expect(names(path)).toEqual([]);
    await (await takeFolderLock(path, FOREVER)).release();
    await holder.ended;
  });

  inTime("it is told of a holder that runs on another runtime", async () => {
    const path = place();
    const lock = await takeFolderLock(path, FOREVER);
    const second = start(command, path, "hold");
    expect(await second.said(1)).toEqual({ refused: expect.stringContaining(`${process.pid}`), pid: process.pid });
    await second.ended;
    expect(lock.held()).toBe(true);
    await lock.release();
  });

  inTime("a lock whose holder was killed is taken at once, by itself and by others", async () => {
    const path = await stale(command);
    expect(existsSync(path)).toBe(true);
    expect(await holderOf(path)).toBeUndefined();
    const next = start(command, path, "hold");
    expect(await next.said(1)).toEqual({ taken: next.pid });
    await next.kill();
    const lock = await takeFolderLock(path, FOREVER);
    expect(holderAt(path).pid).toBe(process.pid);
    await lock.release();
    expect(names(path)).toEqual([]);
  });

  inTime("a holder that can open no file for a while keeps it", async () => {
    const path = place();
    // Enough to start, and no more than is soon taken.
    const starved = start(["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", ...command], path, "starve");
    await starved.ended;
    expect(starved.lines).toEqual([{ taken: starved.pid }, { starved: "EMFILE" }, { held: true }]);
  });
});

describe("a stale lock", () => {
  test(
    "that many processes want is had by one at a time, and in the end by each",
    async () => {
      const path = await stale();
      for (const ends of [TOKEN, `${TOKEN}.stale`, `gone.stale.${TOKEN}`]) write(`${path}.${ends}`, holderAt(path));
      const usable = runtimes().filter(({ skip }) => skip === undefined);
      const racers = Array.from({ length: 12 }, (_, n) =>
        start(usable[n % usable.length]!.command, path, "race", `${path}.witness`),
      );
      await Promise.all(racers.map(({ ended }) => ended));
      expect(racers.map(({ lines }) => lines)).toEqual(racers.map(() => [{ alone: true }]));
      expect(names(path)).toEqual([LOCK_FILE]);
    },
    SLOW,
  );

  test.each([
    ["", false],
    [", also where a process died that was about to take it", true],
  ])(
    "that many want at the same moment is had by exactly one%s",
    async (_, claimed) => {
      const path = await stale();
      const dead = holderAt(path);
      for (let round = 0; round < 40; round++) {
        write(path, dead);
        if (claimed) write(`${path}.${dead.token}.stale`, { ...dead, token: "claim" });
        const answers = await Promise.allSettled(Array.from({ length: 16 }, () => takeFolderLock(path, FOREVER)));
        const had = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
        const refused = answers.flatMap((answer) => (answer.status === "rejected" ? answer.reason : []));
        expect(had.map(({ token }) => token)).toEqual([holderAt(path).token]);
        for (const error of refused) expect(error).toBeInstanceOf(LockedError);
        await had[0]!.release();
        expect(names(path)).toEqual([]);
      }
    },
    SLOW,
  );

  test.skipIf(linux !== "")(`whose process number is another's by now is taken at once${linux}`, async () => {
    const path = place();
    const lock = await takeFolderLock(path, FOREVER);
    const own = holderAt(path);
    await lock.release();
    write(path, { ...own, token: "of-another-start", started: "1" });
    const taken = await takeFolderLock(path, FOREVER);
    expect(holderAt(path).token).toBe(taken.token);
    await taken.release();
  });

  test("of a process that lives, on a system that does not say since when, is one when nobody touches it", async () => {
    const path = place();
    const lock = await takeFolderLock(path, FOREVER);
    const own = holderAt(path);
    await lock.release();
    write(path, { ...own, token: "of-another-start", started: null });
    await (await takeFolderLock(path, SHORT)).release();
  });
});

const why = NO_STRACE === undefined ? "" : ` (skipped: ${NO_STRACE})`;
describe.skipIf(why !== "")(`what a process leaves that is killed amid taking a lock${why}`, () => {
  const usable = runtimes().filter(({ skip }) => skip === undefined);
  /** At its first system call of the family. */
  const killedAt = (call: string): string[] => {
    return ["strace", "-f", "-o", "/dev/null", "-e", `trace=/^${call}`, "-e", `inject=/^${call}:signal=KILL`];
  };

  test.each(usable)(
    "a file that has no name yet: the next holder removes it, on $name",
    async ({ command }) => {
      const path = place();
      const killed = start([...killedAt("link"), ...command], path, "hold");
      await killed.ended;
      expect(killed.lines).toEqual([]);
      expect(names(path)).toEqual([expect.stringMatching(/^ingle\.lock\.[\da-f-]{36}$/)]);
      const next = start(command, path, "hold");
      expect(await next.said(1)).toEqual({ taken: next.pid });
      expect(names(path)).toEqual([LOCK_FILE]);
      await next.kill();
    },
    SLOW,
  );

  test.each(usable)(
    "a claim on a stale lock, and the lock that it has taken: likewise, on $name",
    async ({ command }) => {
      // Its lock has no name yet; its claim has one, and the one before still.
      for (const call of ["rename", "unlink"]) {
        const path = await stale(command);
        const killed = start([...killedAt(call), ...command], path, "hold");
        await killed.ended;
        expect(killed.lines).toEqual([]);
        expect(names(path).length).toBeGreaterThan(1);
        await (await takeFolderLock(path, FOREVER)).release();
        expect(names(path)).toEqual([]);
      }
    },
    SLOW,
  );
});

test.skipIf(why !== "")(
  `a holder that ends while its process is looked at is not waited for${why}`,
  async () => {
    const path = place();
    const { command } = runtimes().find(({ skip }) => skip === undefined)!;
    const holder = start(command, path, "hold");
    await holder.said(1);
    const seen = `${path}.trace`;
    // The second one stands still between its two questions: whether the process is there, and since when.
    const trace = ["strace", "-D", "-f", "-o", seen, "-e", "trace=kill", "-e", "inject=kill:signal=STOP:when=1"];
    const second = start([...trace, ...command], path, "hold");
    await eventually("it asks", () => existsSync(seen) && readFileSync(seen, "utf8").includes("stopped by SIGSTOP"));
    await holder.kill();
    process.kill(second.pid, "SIGCONT");
    expect(await second.said(1)).toEqual({ refused: expect.stringContaining(`${holder.pid}`), pid: holder.pid });
    await second.ended;
  },
  SLOW,
);

test.skipIf(why !== "").each(["EIO", "ENOSPC", "ESTALE"])(
  `a holder that may not look at its lock for a while (%s) keeps it${why}`,
  async (fault) => {
    const path = place();
    const holder = start(runtimes().find(({ skip }) => skip === undefined)!.command, path, "hold");
    await holder.said(1);
    const trace = await attach(holder.pid, ["-P", path, "-e", "trace=openat", "-e", `inject=openat:error=${fault}`]);
    await sleep(300);
    expect(await trace.end()).toContain(fault);
    expect(await holder.tell("release")).toEqual({ done: "release", held: true });
    await holder.ended;
    expect(names(path)).toEqual([]);
  },
  SLOW,
);

describe("beside a lock", () => {
  const dead = async (): Promise<Holder> => holderAt(await stale());
  const elsewhere: Holder = { pid: process.pid, command: "serve", started: "1", place: "there", token: TOKEN };
  const HOURS = 2 * 3_600_000;

  test.each<[string, string, () => Promise<Holder> | Holder | string, number, boolean]>([
    ["a file of a process that has ended", TOKEN, dead, 0, true],
    ["a claim of one", `${TOKEN}.stale`, dead, 0, true],
    ["a claim of one on a lock that names nobody", "unreadable.stale", dead, 0, true],
    ["a claim of one on a claim", `${TOKEN}.stale.gone.stale`, dead, 0, true],
    ["a file for a claim", `${TOKEN}.stale.${TOKEN}`, dead, 0, true],
    ["half a file that is old", TOKEN, () => '{ "pid"', HOURS, true],
    ["an old file of another machine", TOKEN, () => elsewhere, HOURS, true],
    ["a file of a process that lives", TOKEN, () => thisProcess("test"), HOURS, false],
    ["a claim of one", `${TOKEN}.stale`, () => thisProcess("test"), HOURS, false],
    ["the mark of a command that was killed", `${"0a".repeat(32)}.proof`, () => "", 0, true],
    ["half a file", TOKEN, () => "", 0, false],
    ["a file of another machine", TOKEN, () => elsewhere, 0, false],
    ["somebody's copy of a lock", "bak", dead, HOURS, false],
  ])("%s, %s, is swept or stays", async (_, ends, content, ms, goes) => {
    const path = place();
    const left = `${path}.${ends}`;
    write(left, await content());
    age(left, ms);
    await (await takeFolderLock(path, FOREVER)).release();
    expect(names(path)).toEqual(goes ? [] : [`${LOCK_FILE}.${ends}`]);
  });

  test("a folder stays, and so does a link and what it leads to", async () => {
    const path = place();
    mkdirSync(`${path}.${TOKEN}`);
    write(join(path, "..", "theirs"), await dead());
    symlinkSync("theirs", `${path}.${TOKEN.replaceAll("0", "1")}`);
    await (await takeFolderLock(path, FOREVER)).release();
    expect(names(path)).toHaveLength(3);
  });

  test("nothing is swept by those who find it held", async () => {
    const path = place();
    const lock = await takeFolderLock(path, FOREVER);
    write(`${path}.${TOKEN}`, await dead());
    expect(await failure(takeFolderLock(path, FOREVER))).toBeInstanceOf(LockedError);
    expect(names(path).toSorted()).toEqual([LOCK_FILE, `${LOCK_FILE}.${TOKEN}`]);
    await lock.release();
  });
});

describe("a lock whose holder lives and holds another folder, by device and inode", () => {
  const copied: Holder = { ...thisProcess("pull"), folder: "1:1" };

  test("is a copy, and taken when nobody touches it", async () => {
    const path = place();
    write(path, copied);
    const lock = await takeFolderLock(path, SHORT);
    expect(holderAt(path)).toMatchObject({ token: lock.token, folder: await folderIdOf(join(path, "..")) });
    await lock.release();
  });

  test("is held while somebody touches it: a network disk that is mounted twice has two devices", async () => {
    const path = place();
    write(path, copied);
    const touching = setInterval(() => utimesSync(path, new Date(), new Date()), 20);
    expect(await failure(takeFolderLock(path, { ...SHORT, stale_ms: 2_000 }))).toBeInstanceOf(LockedError);
    clearInterval(touching);
  });

  test("of an older version, which does not say which it holds, is held", async () => {
    const path = place();
    write(path, thisProcess("pull"));
    expect(await failure(takeFolderLock(path, FOREVER))).toBeInstanceOf(LockedError);
  });
});

describe("a lock of another place", () => {
  const elsewhere: Holder = { pid: process.pid, command: "serve", started: "1", place: "there", token: "theirs" };

  test("is held while its holder touches it", async () => {
    const path = place();
    write(path, elsewhere);
    const touching = setInterval(() => utimesSync(path, new Date(), new Date()), 20);
    expect(await failure(takeFolderLock(path, { ...SHORT, stale_ms: 2_000 }))).toBeInstanceOf(LockedError);
    expect(await holderOf(path)).toEqual(elsewhere);
    clearInterval(touching);
    expect(holderAt(path)).toEqual(elsewhere);
  });

  test("is stale when nobody has touched it for a while", async () => {
    const path = place();
    write(path, elsewhere);
    const start = performance.now();
    await (await takeFolderLock(path, SHORT)).release();
    // Else nobody has looked whether it moves.
    expect(performance.now() - start).toBeGreaterThan(SHORT.stale_ms - 10);
  });

  test("that has lain for long is taken at once", async () => {
    const path = place();
    write(path, elsewhere);
    age(path, 61_000);
    await (await takeFolderLock(path, FOREVER)).release();
  });
});

describe("a lock that names nobody", () => {
  const whole = JSON.stringify({ pid: 1, command: "serve", started: null, place: "p", token: "t" });
  const ways: Record<string, (path: string) => void> = {
    "an empty file": (path) => write(path, ""),
    garbage: (path) => write(path, "\0\xff}{"),
    "half written": (path) => write(path, whole.slice(0, 30)),
    "of another shape": (path) => write(path, { pid: "1" }),
    "with a token that is a path": (path) => write(path, whole.replace('"t"', '"/../../t"')),
    "a folder": (path) => mkdirSync(path),
  };

  test.each(Object.entries(ways))("%s: taken when nobody touches it", async (_, make) => {
    const path = place();
    make(path);
    const lock = await takeFolderLock(path, SHORT);
    expect(holderAt(path).token).toBe(lock.token);
    await lock.release();
    expect(existsSync(path)).toBe(false);
  });

  test.each(Object.entries(ways))("%s: taken at once when it has lain for long", async (_, make) => {
    const path = place();
    make(path);
    age(path, 61_000);
    await (await takeFolderLock(path, FOREVER)).release();
  });

  test.each(Object.entries(ways))("%s: respected while somebody touches it", async (_, make) => {
    const path = place();
    make(path);
    const touching = setInterval(() => utimesSync(path, new Date(), new Date()), 20);
    expect(await failure(takeFolderLock(path, { ...SHORT, stale_ms: 2_000 }))).toBeInstanceOf(LockedError);
    clearInterval(touching);
    expect(names(path)).toEqual([LOCK_FILE]);
  });

  test("a folder that is in the way is not deleted with what is in it", async () => {
    const path = place();
    mkdirSync(path);
    writeFileSync(join(path, "theirs.txt"), "theirs");
    age(path, 61_000);
    const lock = await takeFolderLock(path, FOREVER);
    await lock.release();
    const [left] = names(path);
    expect(readFileSync(join(path, "..", left!, "theirs.txt"), "utf8")).toBe("theirs");
  });
});

describe("what is no lock", () => {
  const ways: Record<string, (path: string) => unknown> = {
    "a pipe": (path) => spawnSync("mkfifo", [path]),
    "a link to a device": (path) => symlinkSync("/dev/zero", path),
    "a socket": (path) => socketAt(path),
    "a large file": (path) => (write(path, ""), truncateSync(path, 2 ** 30)),
  };
  const runnable = runtimes().filter(({ skip }) => skip === undefined);

  test.each(Object.entries(ways))(
    "%s: is refused in a sentence, by each command and on each runtime, and stays",
    async (_, make) => {
      const data = dirname(place());
      writeFileSync(join(data, MARKER), '{"format": 1}\n');
      const path = join(data, LOCK_FILE);
      await make(path);
      for (const { command } of runnable) {
        for (const words of [
          ["list"],
          ["rm", "tiny"],
          ["serve", "--adapter", "echo", "--port", "0"],
          ["check"],
          ["check", "--fix"],
        ]) {
          const ended = await run([...command, MAIN, ...words, "--data", data]);
          expect({ words, ...ended }).toEqual({
            words,
            code: 1,
            stdout: "",
            stderr: expect.stringMatching(/^\S+ingle\.lock .*ingle.*\.\n$/),
          });
        }
      }
      expect(readdirSync(data).toSorted()).toEqual([MARKER, LOCK_FILE].toSorted());
    },
    120_000,
  );
});

describe("a lock that is held", () => {
  /** One that is held, and who was said to have taken it. */
  async function held(heartbeat_ms = FOREVER.heartbeat_ms) {
    const path = place();
    const lost: (Holder | undefined)[] = [];
    const lock = await takeFolderLock(path, { ...FOREVER, heartbeat_ms, onLost: (holder) => lost.push(holder) });
    return { path, lock, lost };
  }

  test("and deleted by hand is there again at the next beat, with the address it had", async () => {
    const { path, lock, lost } = await held();
    await lock.announceUrl("http://127.0.0.1:1");
    rmSync(path);
    await eventually("it is taken again", () => existsSync(path));
    expect(holderAt(path)).toMatchObject({ token: lock.token, url: "http://127.0.0.1:1" });
    expect(await failure(takeFolderLock(path, FOREVER))).toBeInstanceOf(LockedError);
    expect([lock.held(), lost]).toEqual([true, []]);
    await lock.release();
  });

  test("and taken by another is lost, once, and the other's stays", async () => {
    const { path, lock, lost } = await held();
    const theirs: Holder = { ...holderAt(path), token: "theirs" };
    write(path, theirs);
    await eventually("it is lost", () => !lock.held());
    await sleep(100);
    expect(lost).toEqual([theirs]);
    await lock.announceUrl("http://127.0.0.1:1");
    await lock.release();
    expect(holderAt(path)).toEqual(theirs);
    expect(names(path)).toEqual([LOCK_FILE]);
  });

  test("and deleted by hand, then taken by somebody who was faster than the beat, is lost to that one", async () => {
    const { path, lock, lost } = await held(1_000);
    rmSync(path);
    const other = await takeFolderLock(path, FOREVER);
    await eventually("it is lost", () => !lock.held());
    expect(lost.map((holder) => holder?.token)).toEqual([other.token]);
    await lock.release();
    expect([other.held(), holderAt(path).token]).toEqual([true, other.token]);
    await other.release();
  });

  test("and overwritten with garbage is lost to nobody", async () => {
    const { path, lock, lost } = await held();
    write(path, "garbage");
    await eventually("it is lost", () => !lock.held());
    expect(lost).toEqual([undefined]);
    await lock.release();
    expect(readFileSync(path, "utf8")).toBe("garbage");
  });

  test("is touched again and again, and after its release no more", async () => {
    const { path, lock } = await held();
    age(path, 3_600_000);
    await eventually("it is touched", () => Date.now() - statSync(path).mtimeMs < 60_000);
    await lock.release();
    await sleep(100);
    expect(names(path)).toEqual([]);
  });
});
