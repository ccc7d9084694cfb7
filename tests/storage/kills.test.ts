// Servers that are killed while they write, whose clock goes back, that may open no more files, or that lose their folder: what was
// acknowledged is there.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { checkFolder } from "../../src/storage/check/check.ts";
import { LOCK_FILE, MARKER, SET_ASIDE } from "../../src/storage/file-names.ts";
import { startFaulty } from "../faults/server.ts";
import { NO_STRACE } from "../faults/strace.ts";
import { dataFolder, openFolder, tree } from "../support/folder.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { message, thread } from "../support/records.ts";
import { runtimes } from "../support/runtimes.ts";
import { eventually, startServer } from "../support/server.ts";
import { newWriter, type Writer } from "../support/writer.ts";

const SLOW = 300_000;
const WRITERS = 8;
const ROUNDS = 6;

const root = mkdtempSync(join(tmpdir(), "ingle-kills-"));
const told: string[] = [];
afterAll(() => {
  rmSync(root, { recursive: true });
  console.log(told.join("\n"));
});

const sumOf = (writers: Writer[]): number => writers.reduce((sum, writer) => sum + writer.acknowledged(), 0);

describe.each(runtimes())("on $name", (runtime) => {
  const { name, command, skip } = runtime;
  const inTime = (words: string, work: () => Promise<void>) =>
    test.skipIf(skip !== undefined)(skip === undefined ? words : `${words} (skipped: ${skip})`, work, SLOW);

  inTime("a server that is killed at any moment has lost nothing when it is back", async () => {
    const data = mkdtempSync(join(root, "data-"));
    const writers: Writer[] = Array.from({ length: WRITERS }, (_, n) => newWriter(n));
    for (let round = 0; round <= ROUNDS; round++) {
      const server = await startServer(runtime, ["--adapter", "echo"], { data });
      try {
        for (const writer of writers) expect(await writer.violations(server.url)).toEqual([]);
        if (round === ROUNDS) break;
        const writing = writers.map((writer) => writer.write(server.url));
        // A machine under load takes its time until each could have written; the kill comes at any moment after that.
        await eventually("the writers have written", () => sumOf(writers) > WRITERS * (round + 1));
        await Bun.sleep(Math.random() * 400);
        expect(await server.stop("SIGKILL")).toBe("SIGKILL");
        await Promise.all(writing);
      } finally {
        await server.stop("SIGKILL");
      }
    }
    const { findings } = await checkFolder(data, { in_use: false });
    expect(findings.filter(({ kind }) => kind !== "orphaned")).toEqual([]);
    const acknowledged = sumOf(writers);
    told.push(`${name}: ${ROUNDS} kills, ${acknowledged} acknowledged writes, all there`);
    expect(acknowledged).toBeGreaterThan(WRITERS * ROUNDS);
  });

  inTime("a clock that goes back changes no order, in one process and over two", async () => {
    const folder = mkdtempSync(join(root, "clock-"));
    const DAY = 86_400_000;
    const now = Date.now();
    const created: string[] = [];
    for (const clocks of [
      [now, now - DAY, now - 2 * DAY],
      [now - 3 * DAY, now - 4 * DAY, now + DAY],
    ]) {
      const server = await startFaulty(runtime, folder);
      for (const clock of clocks) {
        const answer = await server.ask(clock, { method: "POST", path: "/threads", body: {} });
        created.push((answer!.body as { id: string }).id);
      }
      const listed = (await server.ask(now, { method: "GET", path: "/threads?order=asc" }))!.body as { data: { id: string }[] };
      expect(listed.data.map(({ id }) => id)).toEqual(created);
      await server.kill();
    }
    expect(created).toEqual([...new Set(created)].toSorted());
  });

  inTime("where no more files can be opened, reads say so, say nothing wrong, and go on afterwards", async () => {
    const base = dataFolder();
    const { store } = openFolder(base);
    await Promise.all(Array.from({ length: 300 }, (_, i) => store.conversations.create(thread(`${i}`))));
    const script = join(import.meta.dirname, "../support/few-files.ts");
    const { stdout, stderr } = await run(["sh", "-c", 'ulimit -n 48; exec "$0" "$@"', ...command, script, base]);
    rmSync(base, { recursive: true });
    expect(stderr).toBe("");
    const { at_once, later } = JSON.parse(stdout) as Record<string, Record<string, number>>;
    expect(later).toEqual({ ok: 300 });
    const { ok = 0, "503 storage_unavailable": unavailable = 0, ...others } = at_once!;
    expect(others).toEqual({});
    expect(ok + unavailable).toBe(300);
    expect(unavailable).toBeGreaterThan(0);
  });
});

test(
  "a server whose lock was deleted by hand, and taken by another, stops writing; what either has acknowledged is there",
  async () => {
    const data = mkdtempSync(join(root, "lost-"));
    const first = await startServer(RUNTIME, ["--adapter", "echo"], { data });
    const create = (url: string) => fetch(`${url}/v1/threads`, { method: "POST" });
    const acknowledged: string[] = [];
    const note = async (res: Response) => acknowledged.push(((await res.json()) as { id: string }).id);
    await note(await create(first.url));
    rmSync(join(data, LOCK_FILE));
    const second = await startServer(RUNTIME, ["--adapter", "echo"], { data });
    try {
      await eventually("the first server writes no more", async () => {
        await note(await create(second.url));
        const res = await create(first.url);
        if (res.status === 200) await note(res);
        else expect([res.status, ((await res.json()) as any).error.code]).toEqual([503, "storage_unavailable"]);
        return res.status === 503;
      });
      await note(await create(second.url));
      expect((await create(first.url)).status).toBe(503);
      // It goes on reading, also what the other one writes.
      const listed = (await (await fetch(`${first.url}/v1/threads`)).json()) as { id: string }[];
      expect(listed.map(({ id }) => id).toSorted()).toEqual(acknowledged.toSorted());
      expect(await first.stop()).toBe(0);
      expect((await create(second.url)).status).toBe(200);
    } finally {
      await first.stop("SIGKILL");
      await second.stop("SIGKILL");
    }
    const ids = await openFolder(data).store.threads.ids();
    expect(ids).toEqual(expect.arrayContaining(acknowledged));
    expect((await checkFolder(data, { in_use: false })).findings).toEqual([]);
  },
  SLOW,
);

/** The files outside of `set-aside`, and of all files their names and what is in them, but for what a thread has got anew. */
function stateOf(folder: string): { outside: string[]; all: string[] } {
  const files = tree(folder).filter((path) => !path.startsWith(LOCK_FILE) && statSync(join(folder, path)).isFile());
  const read = (path: string): string => `${basename(path)} ${readFileSync(join(folder, path), "utf8")}`;
  const all = files.map(read).filter((text) => !text.includes('"recovered"') && !/^\.[\w-]+\.tmp /.test(text));
  return { outside: files.filter((path) => !path.startsWith(SET_ASIDE)), all: all.toSorted() };
}

/** The same at every call, and what stays in it: a damaged thread and its messages, an orphaned one's, and two strangers. */
async function brokenHouse(): Promise<{ base: string; stays: string[] }> {
  const base = mkdtempSync(join(root, "broken-"));
  writeFileSync(join(base, MARKER), '{"format": 1}\n');
  const { store } = openFolder(base);
  const make = () => store.conversations.create(thread("a"), [message("b"), message("c")]);
  const [bad, gone] = [await make(), await make()];
  writeFileSync(join(base, "threads", `${bad.thread.id}.json`), "{");
  rmSync(join(base, "threads", `${gone.thread.id}.json`));
  writeFileSync(join(base, "notes.txt"), "theirs");
  writeFileSync(join(base, "threads", "notes.txt"), "theirs too");
  const good = bad.messages.map(({ id }) => `messages/${bad.thread.id}/${id}.json`);
  return { base, stays: [MARKER, ...good, `threads/${bad.thread.id}.json`] };
}

const why = NO_STRACE === undefined ? "" : ` (skipped: ${NO_STRACE})`;
test.skipIf(why !== "")(
  `check --fix that is killed at any step has lost no byte, and a second one ends as the first would have${why}`,
  async () => {
    const fix = (base: string, words: string[] = []) => run([...words, ...PROGRAM, "check", "--fix", "--data", base]);
    let kills = 0;
    for (const call of ["mkdir", "rename", "fsync"]) {
      for (let k = 1; ; k++) {
        const { base, stays } = await brokenHouse();
        const { all } = stateOf(base);
        const trace = join(root, "trace");
        await fix(base, ["strace", "-f", "-o", trace, "-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${k}`]);
        expect(stateOf(base).all).toEqual(all);
        const killed = readFileSync(trace, "utf8").includes("killed by SIGKILL");
        if (killed) kills++;
        expect(await fix(base)).toMatchObject({ code: 0, stderr: "" });
        expect(stateOf(base)).toEqual({ outside: stays, all });
        expect((await checkFolder(base, { in_use: false })).findings).toEqual([]);
        if (!killed) break;
      }
    }
    told.push(`check --fix: ${kills} kills, every byte there`);
    expect(kills).toBeGreaterThan(10);
  },
  SLOW,
);
