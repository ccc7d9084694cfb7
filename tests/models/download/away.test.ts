// Servers whose hub, network or disk is away when they start, or amid a file: on all runtimes at once, as it takes a minute.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import type { DownloadEvent } from "../../../src/library/download-event.ts";
import { LOCK_FILE } from "../../../src/storage/file-names.ts";
import { makeModel } from "../../support/app.ts";
import { frameReader } from "../../support/frames.ts";
import { freePort } from "../../support/free-port.ts";
import { type Hub, startHub } from "../../support/hub.ts";
import { withLibrary } from "../../support/library.ts";
import { runtimes, type Runtime } from "../../support/runtimes.ts";
import { cleanEnv, eventually, MAIN, startServer } from "../../support/server.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const SLOW = 240_000;
const AWAY_MS = 61_000;
const BYTES = tinyGguf();
const LISTED = "org/m:Q8_0";
const root = mkdtempSync(join(tmpdir(), "ingle-away-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const found = runtimes();
const missing = found.flatMap(({ skip }) => skip ?? []).join(", ");
const present = found.filter(({ skip }) => skip === undefined);

/** Of the requests of one server. */
function client(url: string) {
  const ask = async (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, init);
  return {
    ask,
    add: (body: object) =>
      ask("/v1/models", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    state: async (id: string) =>
      ((await (await ask(`/v1/models/${encodeURIComponent(id)}?catalog=true`)).json()) as { state?: string }).state,
    listed: async () => ((await (await ask("/v1/models")).json()) as { data: { id: string }[] }).data.map(({ id }) => id),
    /** Empty where there is no job yet. */
    now: async (id: string): Promise<Partial<DownloadEvent>> => {
      const reader = frameReader(await ask(`/v1/models/download/${encodeURIComponent(id)}/events`));
      return ((await reader.next().finally(reader.cancel)) as DownloadEvent | undefined) ?? {};
    },
  };
}

/** `serve --pull`, which says where it listens only once the model is there; its lock says it at once. */
async function servePulling({ command: [binary = "", ...flags] }: Runtime, data: string, env: Record<string, string>) {
  const words = ["serve", "--port", "0", "--data", data, "--allow-private", "--pull", "--model", LISTED];
  const child: ChildProcess = spawn(binary, [...flags, MAIN, ...words], {
    env: cleanEnv(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (bytes) => lines.push(String(bytes)));
  const ended = new Promise((done) => child.on("exit", (code, signal) => done(code ?? signal)));
  const urlOf = (): string | undefined => {
    try {
      return (JSON.parse(readFileSync(join(data, LOCK_FILE), "utf8")) as { url?: string }).url;
    } catch {
      return undefined;
    }
  };
  await eventually("it listens", () => urlOf() !== undefined || child.exitCode !== null, 60_000);
  return {
    url: urlOf()!,
    lines,
    child,
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

test.skipIf(present.length === 0)(
  `a hub that is away for a minute: a server that pulls at its start serves meanwhile, and files go on${missing && ` (skipped: ${missing})`}`,
  async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const files = { "/half.gguf": BYTES, "/org/m/resolve/main/m-Q8_0.gguf": BYTES };
    // Half of one file comes, then nothing answers any more.
    let hub: Hub = await startHub(files, port);
    hub.set("/half.gguf", { kind: "stall", at: 200_000 });
    const open: Awaited<ReturnType<typeof servePulling>>[] = [];
    try {
      const servers = await Promise.all(
        present.map(async (runtime) => {
          const data = mkdtempSync(join(root, `${runtime.name}-`));
          const half = await startServer(runtime, ["--allow-private"], { data });
          const api = client(half.url);
          await api.add({ source_url: `${url}/half.gguf`, id: "half", size: BYTES.length, download: true });
          await eventually("half of it is here", async () => ((await api.now("half")).bytes ?? 0) >= 190_000);
          await half.stop();
          await withLibrary(data, (library) =>
            library.addPending({
              model: makeModel(LISTED, { files: [], source_url: "https://huggingface.co/org/m#Q8_0" }),
              reference: { repo: "org/m", revision: "main", quant: "Q8_0" },
            }),
          );
          return { runtime, data };
        }),
      );
      hub.close();
      const started = Date.now();
      const running = await Promise.all(
        servers.map(async ({ runtime, data }) => {
          const server = await servePulling(runtime, data, { HF_ENDPOINT: url });
          open.push(server);
          return { name: runtime.name, server, api: client(server.url) };
        }),
      );
      for (const { name, server, api } of running) {
        for (const id of [LISTED, "half"]) {
          await eventually(`${name} says why ${id} waits`, async () => {
            const { state, problem = "", retry_at } = await api.now(id);
            return state === "waiting" && retry_at !== undefined && problem.includes("could not be reached");
          });
          expect(await api.state(id)).toBe("waiting");
        }
        // Which mirror it is, clients are not told.
        expect((await api.now(LISTED)).problem).not.toContain("127.0.0.1");
        const { bytes = 0 } = await api.now("half");
        expect(bytes).toBeLessThan(BYTES.length);
        expect((await api.ask("/health")).status).toBe(200);
        expect(await api.listed()).toEqual([]);
        await eventually("its terminal says so", () => server.lines.join("").includes(`${LISTED} is waiting: `));
        // The owner is told which host it is.
        expect(server.lines.join("")).toContain(`127.0.0.1:${port} could not be reached`);
      }
      await new Promise((done) => setTimeout(done, AWAY_MS - (Date.now() - started)));
      for (const { name, server, api } of running)
        expect([name, server.child.exitCode, await api.listed()]).toEqual([name, null, []]);
      hub = await startHub(files, port);
      for (const { name, server, api } of running) {
        await eventually(`${name} has both`, async () => (await api.listed()).length === 2, 100_000);
        await eventually("it says where it listens", () => server.lines.join("").includes(" is listening on "));
      }
      const resumed = hub.requests.filter(({ path, headers }) => path === "/half.gguf" && headers.range !== undefined);
      expect(resumed.length).toBe(present.length);
    } finally {
      hub.close();
      expect(await Promise.all(open.map((server) => server.stop()))).toEqual(open.map(() => 0));
    }
  },
  SLOW,
);

describe.each(found.map((runtime) => [runtime.name, runtime] as const))("on %s", (name, runtime) => {
  test.skipIf(runtime.skip !== undefined)(
    "a data folder that is taken away amid a download: the job waits, and ends well when it is back",
    async () => {
      const hub = await startHub({ "/m.gguf": BYTES });
      hub.set("/m.gguf", { kind: "drip", bytes: 8192, ms: 50 });
      const data = join(mkdtempSync(join(root, `${name}-`)), "data");
      const server = await startServer(runtime, ["--allow-private"], { data });
      const api = client(server.url);
      try {
        await api.add({ source_url: `${hub.url}/m.gguf`, id: "m", size: BYTES.length, download: true });
        await eventually("some of it is here", async () => ((await api.now("m")).bytes ?? 0) >= 50_000);
        renameSync(data, `${data}.elsewhere`);
        await eventually("it is noticed", async () => (await api.ask("/v1/models")).status === 503);
        const refused = await api.ask("/v1/models/m");
        expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, expect.any(String)]);
        expect(((await refused.json()) as { error: { code: string } }).error.code).toBe("storage_unavailable");
        // Longer than the rest would take.
        await new Promise((done) => setTimeout(done, 4_000));
        renameSync(`${data}.elsewhere`, data);
        await eventually(
          "it is there",
          async () => (await api.ask("/v1/models")).status === 200 && (await api.listed())[0] === "m",
        );
        expect(readFileSync(join(data, "weights", "m", "m.gguf")).equals(BYTES)).toBe(true);
      } finally {
        await server.stop();
        hub.close();
      }
    },
    SLOW,
  );
});
