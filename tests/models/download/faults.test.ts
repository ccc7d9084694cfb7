// Everything that goes wrong on the way from a hub, on the real server of each runtime: no model is shown that is not whole, nothing
// is left lying about, and the next pull succeeds.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeKey } from "../../../src/storage/encode-key.ts";
import type { DownloadEvent } from "../../../src/library/download-event.ts";
import { smallDisk } from "../../support/folder.ts";
import { frameReader, framesOf } from "../../support/frames.ts";
import { sha256, startHub, type Fault, type Hub } from "../../support/hub.ts";
import { PROGRAM, run } from "../../support/program.ts";
import { runtimes } from "../../support/runtimes.ts";
import { eventually, startServer, type Server } from "../../support/server.ts";
import { numbersOf } from "../../support/simulated-disk.ts";
import { table } from "../../support/table.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const SLOW = 240_000;
const BYTES = tinyGguf();
const ALL = { size: BYTES.length, sha256: sha256(BYTES) };

interface Case {
  fault: Fault;
  /** What is known of the file before; all of it unless told. */
  known?: object;
  /** What is at the hub meanwhile. */
  bytes?: Uint8Array;
  end: "done" | { code: string; says: string } | Waits;
}

/** The job goes on to try. */
interface Waits {
  waits: string;
}

const wrong = (says: string) => ({ code: "checksum_mismatch", says });
const failed = (says: string, code = "download_failed") => ({ code, says });
const inside = failed("private network", "url_not_allowed");

const CASES: Record<string, Case> = {
  "cut once": { fault: { kind: "cut", at: 100_000, times: 1 }, end: "done" },
  "cut once, no Range": { fault: { kind: "cut", at: 100_000, times: 1 }, end: "done" },
  "cut each time": { fault: { kind: "cut", at: 1000 }, end: { waits: "The connection ended after" } },
  "a longer length": {
    fault: { kind: "wrong_length", by: 10 },
    end: wrong(`has ${BYTES.length + 10} bytes instead of ${BYTES.length}`),
  },
  "a shorter length": { fault: { kind: "wrong_length", by: -10 }, end: wrong(`has ${BYTES.length - 10} bytes instead of`) },
  "a shorter length, nothing known": { fault: { kind: "wrong_length", by: -10 }, known: {}, end: wrong("is cut") },
  "wrong bytes": { fault: { kind: "flip", at: 400_000 }, end: wrong("sha256") },
  "wrong bytes of the header, nothing known": {
    fault: { kind: "flip", at: 0 },
    known: {},
    end: wrong("does not begin with GGUF"),
  },
  "no Range": { fault: { kind: "no_range" }, end: "done" },
  "another tag each time": { fault: { kind: "etag_changes" }, end: "done" },
  "a weak tag": { fault: { kind: "etag_weak" }, end: "done" },
  // Its first bytes are the whole, as their sha256 says.
  "an endless body": { fault: { kind: "endless" }, end: "done" },
  "an endless body, nothing known": { fault: { kind: "endless" }, known: {}, end: failed("how long the file is") },
  "no length": { fault: { kind: "no_length" }, end: "done" },
  "no tag": { fault: { kind: "no_tag" }, end: "done" },
  "away for some seconds": { fault: { kind: "drop", times: 4 }, end: "done" },
  "more than was declared": { fault: { kind: "endless", declared: true }, end: "done" },
  "401": { fault: { kind: "status", status: 401 }, end: failed("401") },
  "403": { fault: { kind: "status", status: 403 }, end: failed("403") },
  "404": { fault: { kind: "status", status: 404 }, end: failed("404: the file is not there") },
  "429 once": { fault: { kind: "status", status: 429, retry_after: "1", times: 1 }, end: "done" },
  "500 once": { fault: { kind: "status", status: 500, times: 1 }, end: "done" },
  "503 each time": { fault: { kind: "status", status: 503 }, end: { waits: "503" } },
  "a page instead": { fault: { kind: "html" }, end: wrong("a web page") },
  "a page instead, nothing known": { fault: { kind: "html" }, known: {}, end: wrong("a web page") },
  "to another host": { fault: { kind: "redirect", to: "http://localhost:1/x.gguf" }, end: inside },
  "into the private network": { fault: { kind: "redirect", to: "http://10.0.0.1/x.gguf" }, end: inside },
  "to the machine's metadata": { fault: { kind: "redirect", to: "http://169.254.169.254/latest" }, end: inside },
  "in a loop": { fault: { kind: "redirect", to: "" }, end: failed("redirects more than 5 times", "url_not_allowed") },
  "a slow drip": { fault: { kind: "drip", bytes: 20_000, ms: 20 }, end: "done" },
  "a compressed file": { fault: { kind: "gzip" }, end: failed("compresses") },
  "half a file, nothing known": { fault: { kind: "no_range" }, known: {}, bytes: BYTES.slice(0, 300_000), end: wrong("is cut") },
  "no model, nothing known": {
    fault: { kind: "no_range" },
    known: {},
    bytes: new Uint8Array(5000).fill(65),
    end: wrong("does not begin with GGUF"),
  },
};

/** What happens to the list of the files of a repository that has this name. */
const LISTINGS: Record<string, { fault: Fault; end: "done" | { code: string; says: string } }> = {
  "silent-once": { fault: { kind: "silent", times: 1 }, end: "done" },
  "busy-once": { fault: { kind: "status", status: 429, retry_after: "1", times: 1 }, end: "done" },
  "unavailable-twice": { fault: { kind: "status", status: 503, times: 2 }, end: "done" },
  "reset-twice": { fault: { kind: "drop", times: 2 }, end: "done" },
  pages: { fault: { kind: "pages" }, end: "done" },
  "page-elsewhere": { fault: { kind: "pages", last: "http://localhost:1/" }, end: failed("on another host") },
  "not-there": { fault: { kind: "status", status: 404 }, end: failed("There is no repository") },
  "not-allowed": { fault: { kind: "status", status: 403 }, end: failed("403") },
  "no-list": { fault: { kind: "html" }, end: failed("did not answer with a list") },
};

test("a person who waits for the list of files is told within half a minute why it does not come", async () => {
  const hub = await startHub();
  try {
    hub.set("/api/models/org/late/tree/main", { kind: "status", status: 503 });
    const data = mkdtempSync(join(root, "late-"));
    const { code, stderr } = await run([...PROGRAM, "pull", "hf:org/late:Q8_0", "--data", data], {
      env: { HF_ENDPOINT: hub.url },
    });
    expect(code).toBe(1);
    expect(stderr).toContain("is waiting: The hub answered 503 for the list of the files of org/late.");
    expect(stderr).toContain("is not known yet");
    expect(hub.requests.length).toBeGreaterThan(2);
  } finally {
    hub.close();
  }
}, 60_000);

const isWaiting = ({ state, problem }: DownloadEvent, { waits }: Waits): boolean =>
  state === "waiting" && problem?.includes(waits) === true;

const root = mkdtempSync(join(tmpdir(), "ingle-download-faults-"));
const results: Record<string, Record<string, string>> = {};
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  console.log(table("Downloads", results));
});

const JSON_BODY = { "content-type": "application/json" };

/** A client of one server. */
function client(server: Server) {
  const ask = async (path: string, init: RequestInit = {}): Promise<any> =>
    (await fetch(`${server.url}/v1/models${path}`, init)).json();
  const at = (id: string) => `/download/${encodeURIComponent(id)}`;
  return {
    add: (body: object) => ask("", { method: "POST", headers: JSON_BODY, body: JSON.stringify(body) }),
    pull: (id: string) => ask(at(id), { method: "POST" }),
    cancel: (id: string) => ask(at(id), { method: "DELETE" }),
    remove: (id: string) => ask(`/${encodeURIComponent(id)}`, { method: "DELETE" }),
    listed: async (): Promise<string[]> => (await ask("")).data.map(({ id }: { id: string }) => id),
    now: async (id: string): Promise<DownloadEvent> => {
      const reader = frameReader(await fetch(`${server.url}/v1/models${at(id)}/events`));
      return reader.next().finally(reader.cancel) as Promise<DownloadEvent>;
    },
    end: async (id: string): Promise<DownloadEvent> =>
      (await framesOf(await fetch(`${server.url}/v1/models${at(id)}/events`))).data.at(-1) as DownloadEvent,
  };
}

describe.each(runtimes().map((runtime) => [runtime.name, runtime] as const))("on %s", (name, runtime) => {
  const inTime = (what: string, work: () => Promise<void>) => test.skipIf(runtime.skip !== undefined)(what, work, SLOW);
  const data = join(root, name);
  const fileOf = (id: string) =>
    join(data, "weights", encodeKey(id), `${encodeURIComponent(id).replace(/[^A-Za-z0-9.]+/g, "-")}.gguf`);
  let hub: Hub;
  const start = () => startServer(runtime, ["--allow-private"], { data, env: { HF_ENDPOINT: hub.url } });
  const check = async (): Promise<string> => (await run([...PROGRAM, "check", "--data", data])).stdout;
  const note = (row: string, cell: string): void => void ((results[row] ??= {})[name] = cell);
  beforeAll(async () => void (hub = await startHub()));
  afterAll(() => hub.close());

  /** The path of a case at the hub, and the name that its file gets. */
  const pathOf = (id: string) => `/${encodeURIComponent(id).replace(/[^A-Za-z0-9.]+/g, "-")}.gguf`;
  const whole = (id: string): boolean => existsSync(fileOf(id)) && statSync(fileOf(id)).size === BYTES.length;

  inTime("the whole table, all at once", async () => {
    const server = await start();
    const api = client(server);
    let looking = true;
    try {
      for (const [id, { fault, known = ALL, bytes = BYTES }] of Object.entries(CASES)) {
        hub.put(pathOf(id), bytes);
        hub.set(pathOf(id), fault.kind === "redirect" && fault.to === "" ? { ...fault, to: pathOf(id) } : fault);
        expect(await api.add({ source_url: hub.url + pathOf(id), id, ...known })).toMatchObject({ id, state: "available" });
      }
      expect(hub.requests).toEqual([]);
      const watching = (async () => {
        for (; looking; await new Promise((done) => setTimeout(done, 50)))
          expect((await api.listed()).filter((id) => !whole(id))).toEqual([]);
      })();
      // What was broken off is asked for again, of a hub that knows no ranges any more.
      const cut = pathOf("cut once, no Range");
      void eventually("its first half came", () => hub.requests.some(({ path }) => path === cut)).then(() =>
        hub.set(cut, { kind: "no_range" }),
      );
      const ends = Object.keys(CASES).map(async (id) => {
        await api.pull(id);
        const { end } = CASES[id]!;
        if (end !== "done" && "waits" in end)
          await eventually(`${id} waits`, async () => isWaiting(await api.now(id), end), 60_000);
        return [id, end !== "done" && "waits" in end ? await api.now(id) : await api.end(id)] as const;
      });
      const mistaken: string[] = [];
      for (const [id, event] of await Promise.all(ends)) {
        const { end } = CASES[id]!;
        const said = event.state === "failed" ? `${event.error?.code}: ${event.error?.message}` : event.state;
        const fine =
          end === "done"
            ? event.state === "done"
            : "waits" in end || (event.error?.code === end.code && event.error.message.includes(end.says));
        note(id, event.state === "failed" ? (event.error?.code ?? "?") : event.state);
        if (!fine) mistaken.push(`${id}: ${said}`);
      }
      expect(mistaken).toEqual([]);
      const done = Object.keys(CASES).filter((id) => CASES[id]!.end === "done");
      expect((await api.listed()).toSorted()).toEqual(done.toSorted());

      // The hub is well again.
      for (const id of Object.keys(CASES)) {
        hub.put(pathOf(id), BYTES);
        hub.set(pathOf(id));
      }
      await Promise.all(
        Object.keys(CASES).map(async (id) => {
          await api.pull(id);
          expect(await api.end(id)).toMatchObject({ model_id: id, state: "done" });
        }),
      );
      looking = false;
      await watching;
      expect((await api.listed()).toSorted()).toEqual(Object.keys(CASES).toSorted());
    } finally {
      looking = false;
      await server.stop();
    }
    for (const id of Object.keys(CASES)) expect(Buffer.compare(readFileSync(fileOf(id)), BYTES)).toBe(0);
    const left = readdirSync(join(data, "weights"), { recursive: true })
      .map(String)
      .filter((path) => /\.part|\.tmp/.test(path));
    expect(left).toEqual([]);
    expect(await check()).toContain("nothing is wrong");
  });

  inTime("the list of files, all faults at once", async () => {
    const server = await start();
    const api = client(server);
    try {
      const ends = Object.entries(LISTINGS).map(async ([repo, { fault, end }]) => {
        hub.put(`/org/${repo}/resolve/main/a.txt`, BYTES.slice(0, 5));
        hub.put(`/org/${repo}/resolve/main/m-Q8_0.gguf`, BYTES);
        hub.set(`/api/models/org/${repo}/tree/main`, fault);
        const { id } = await api.add({ repo: `hf:org/${repo}:Q8_0`, download: true });
        const event = await api.end(id);
        const says = event.error?.message ?? "";
        const fine = end === "done" ? event.state === "done" : event.error?.code === end.code && says.includes(end.says);
        note(`the list: ${repo}`, event.error?.code ?? event.state);
        expect((await api.listed()).includes(id)).toBe(end === "done");
        await api.remove(id);
        return fine ? [] : [`${repo}: ${event.state} ${says}`];
      });
      expect((await Promise.all(ends)).flat()).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  inTime("a file of the hub, found by its quantisation, that another one replaces half way", async () => {
    const server = await start();
    const api = client(server);
    const path = "/org/name/resolve/main/m-Q8_0.gguf";
    const other = tinyGguf({ context_length: 1024 });
    try {
      hub.put(path, BYTES);
      hub.put("/org/name/resolve/main/m-F16.gguf", BYTES);
      hub.set(path, { kind: "stall", at: 100_000 });
      const { id } = await api.add({ repo: "hf:org/name:Q8_0", download: true });
      await eventually("half of it is here", async () => (await api.now(id)).bytes >= 90_000);
      await api.cancel(id);
      hub.set(path);
      hub.put(path, other);
      await api.pull(id);
      // The hub had promised the sha256 of the file that is gone.
      expect(await api.end(id)).toMatchObject({ state: "failed", error: { code: "checksum_mismatch" } });
      expect(await api.listed()).not.toContain(id);
      // Asked anew, it says what it has now.
      await api.pull(id);
      expect(await api.end(id)).toMatchObject({ state: "done", bytes: other.length });
    } finally {
      await server.stop();
    }
  });

  inTime(
    "F-110: a file of the same length, at a source that names no version any more, that another one replaces half way",
    async () => {
      const server = await start();
      const api = client(server);
      const id = "replaced";
      const other = Uint8Array.from(BYTES);
      other.fill(7, BYTES.length - 1000);
      try {
        hub.put(pathOf(id), BYTES);
        hub.set(pathOf(id), { kind: "stall", at: 100_000 });
        await api.add({ source_url: hub.url + pathOf(id), id, download: true });
        await eventually("half of it is here", async () => (await api.now(id)).bytes >= 90_000);
        await api.cancel(id);
        hub.set(pathOf(id), { kind: "no_tag" });
        hub.put(pathOf(id), other);
        await api.pull(id);
        expect(await api.end(id)).toMatchObject({ state: "done", bytes: other.length });
        expect(Buffer.compare(readFileSync(fileOf(id)), other)).toBe(0);
        await api.remove(id);
      } finally {
        await server.stop();
      }
    },
  );

  inTime("F-112: two at a time, and after kill -9 the same two first", async () => {
    const ids = ["queued-z", "queued-y", "queued-b", "queued-a"];
    const asked = (from: number) => [...new Set(hub.requests.slice(from).map(({ path }) => path))];
    let server = await start();
    try {
      for (const id of ids) {
        hub.put(pathOf(id), BYTES);
        hub.set(pathOf(id), { kind: "stall", at: 100_000 });
        await client(server).add({ source_url: hub.url + pathOf(id), id, ...ALL, download: true });
      }
      const states = async () => Promise.all(ids.map(async (id) => (await client(server).now(id)).state));
      for (let kills = 0; kills < 2; kills++) {
        const before = hub.requests.length;
        expect(await states()).toEqual(["downloading", "downloading", "queued", "queued"]);
        await server.stop("SIGKILL");
        server = await start();
        await eventually("both go on", () => asked(before).length >= 2);
        expect(asked(before).sort()).toEqual([pathOf("queued-z"), pathOf("queued-y")].sort());
      }
      for (const id of ids) hub.set(pathOf(id));
      await client(server).cancel("queued-z");
      await client(server).cancel("queued-y");
      for (const id of ids.slice(2)) expect(await client(server).end(id)).toMatchObject({ state: "done" });
      for (const id of ids) await client(server).remove(id);
    } finally {
      await server.stop();
    }
  });

  inTime("killed at twenty moments", async () => {
    const random = numbersOf(name.length);
    const id = "killed";
    hub.put(pathOf(id), BYTES);
    hub.set(pathOf(id), { kind: "drip", bytes: 8192, ms: 10 });
    let finished = 0;
    for (let kills = 0; kills < 20; kills++) {
      const server = await start();
      const api = client(server);
      if (await settled(api)) {
        finished++;
        await api.remove(id);
      }
      await api.add({ source_url: hub.url + pathOf(id), id, ...ALL });
      await api.pull(id);
      await new Promise((done) => setTimeout(done, random() * 500));
      await server.stop("SIGKILL");
    }
    hub.set(pathOf(id));
    const server = await start();
    try {
      // It goes on by itself.
      await eventually("it is there", async () => (await client(server).listed()).includes(id));
    } finally {
      await server.stop();
    }
    expect(Buffer.compare(readFileSync(fileOf(id)), BYTES)).toBe(0);
    expect(await check()).toContain("nothing is wrong");
    const resumed = hub.requests.filter(({ path, headers }) => path === pathOf(id) && headers.range !== undefined).length;
    expect(resumed).toBeGreaterThan(0);
    note("killed 20 times", `${finished} whole, ${resumed} resumed`);

    /** True where it was whole at the start: then it may be shown, and never else. */
    async function settled(api: ReturnType<typeof client>): Promise<boolean> {
      const listed = (await api.listed()).includes(id);
      if (listed) expect(whole(id)).toBe(true);
      return listed;
    }
  });

  const disk = runtime.skip === undefined ? smallDisk() : runtime.skip;
  const none = typeof disk === "string" ? ` (skipped: ${disk})` : "";
  afterAll(() => void (typeof disk === "string" || disk.unmount()));
  test.skipIf(none !== "")(
    `a disk that is full${none}`,
    async () => {
      const folder = (disk as { path: string }).path;
      const server = await startServer(runtime, ["--allow-private"], { data: folder });
      const api = client(server);
      try {
        hub.put("/full.gguf", BYTES);
        await api.add({ source_url: `${hub.url}/full.gguf`, id: "full", ...ALL, download: true });
        expect(await api.end("full")).toMatchObject({ state: "failed", error: { code: "insufficient_storage" } });
        expect(await api.listed()).toEqual([]);
        note("a full disk", "insufficient_storage");
      } finally {
        await server.stop();
      }
    },
    SLOW,
  );
});
