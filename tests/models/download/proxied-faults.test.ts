// What goes wrong behind a proxy, and redirects into private networks, on the real server of each runtime: a pull ends well or says why, and no
// model is shown that is not whole.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { DownloadEvent } from "../../../src/library/download-event.ts";
import { makeCertificate } from "../../support/certificate.ts";
import { frameReader, framesOf } from "../../support/frames.ts";
import { type Fault, type Hub, sha256, startHub } from "../../support/hub.ts";
import { type ProxyFault, startProxy, type TestProxy } from "../../support/proxy.ts";
import { startTlsDoor, type TlsDoor } from "../../support/tls-door.ts";
import { runtimes } from "../../support/runtimes.ts";
import { eventually, startServer } from "../../support/server.ts";
import { table } from "../../support/table.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const SLOW = 240_000;
const BYTES = tinyGguf();
const ALL = { size: BYTES.length, sha256: sha256(BYTES) };
const root = mkdtempSync(join(tmpdir(), "ingle-proxied-faults-"));
const certificate = makeCertificate(root);
const results: Record<string, Record<string, string>> = {};

type End = "done" | { says: string; code?: string } | { waits: string };

/** What the hub does behind the proxy. */
const CASES: Record<string, { fault?: Fault; end: End; source?: string }> = {
  nothing: { end: "done" },
  "cut once": { fault: { kind: "cut", at: 100_000, times: 1 }, end: "done" },
  "429 once": { fault: { kind: "status", status: 429, retry_after: "1", times: 1 }, end: "done" },
  "no length": { fault: { kind: "no_length" }, end: "done" },
  "no tag": { fault: { kind: "no_tag" }, end: "done" },
  "no answer once": { fault: { kind: "silent", times: 1 }, end: "done" },
  "away for some seconds": { fault: { kind: "drop", times: 4 }, end: "done" },
  "wrong bytes": { fault: { kind: "flip", at: 400_000 }, end: { says: "sha256", code: "checksum_mismatch" } },
  "404": { fault: { kind: "status", status: 404 }, end: { says: "404: the file is not there" } },
  "503 each time": { fault: { kind: "status", status: 503 }, end: { waits: "503" } },
  "a private redirect": {
    fault: { kind: "redirect", to: "https://10.0.0.1/x.gguf" },
    end: { says: "private network", code: "url_not_allowed" },
  },
  "a redirect to this machine": {
    fault: { kind: "redirect", to: "https://127.0.0.1/x.gguf" },
    end: { says: "inside this machine", code: "url_not_allowed" },
  },
  "a private redirect, permitted": {
    source: "http://mirror.lan/a-private-redirect-permitted.gguf",
    fault: { kind: "redirect", to: "http://10.99.0.1:81/nothing.gguf" },
    end: "done",
  },
  "a private address, permitted": { source: "http://10.99.0.1/nothing.gguf", end: "done" },
};

/** What the proxy does, one after the other. */
const PROXY: [what: string, fault: ProxyFault, times: number, header: string | undefined, end: End][] = [
  ["503 twice", 503, 2, undefined, "done"],
  ["503 with Retry-After", 503, 1, "Retry-After: 1", "done"],
  ["reset twice", "reset", 2, undefined, "done"],
  ["no HTTP once", "garbage", 1, undefined, "done"],
  ["429 each time", 429, Infinity, undefined, { waits: "answered 429 for hub.example:443" }],
  ["403", 403, Infinity, undefined, { says: "answered 403 for hub.example:443" }],
  ["407", 407, Infinity, "Proxy-Authenticate: Basic", { says: "does not let this server in (407)" }],
];

let hub: Hub;
let door: TlsDoor;
let proxy: TestProxy;
const LISTING = "/api/models/org/m/tree/main";
beforeAll(async () => {
  hub = await startHub({ "/nothing.gguf": BYTES, "/org/m/resolve/main/m-Q8_0.gguf": BYTES });
  const port = Number(new URL(hub.url).port);
  door = await startTlsDoor(port, certificate);
  proxy = await startProxy({ to: { "http:": port, "https:": door.port } });
});
afterAll(() => {
  for (const each of [hub, door, proxy]) each.close();
  rmSync(root, { recursive: true, force: true });
  console.log(table("Behind a proxy", results));
});

const pathOf = (id: string) => `/${id.replace(/[^A-Za-z0-9]+/g, "-")}.gguf`;

describe.each(runtimes().map((runtime) => [runtime.name, runtime] as const))("on %s", (name, runtime) => {
  const why = runtime.skip ?? (certificate === undefined ? "no openssl" : undefined);
  const none = why === undefined ? "" : ` (skipped: ${why})`;

  test.skipIf(why !== undefined)(
    `all of them${none}`,
    async () => {
      const address = `http://127.0.0.1:${proxy.port}`;
      const env = { HTTPS_PROXY: address, HTTP_PROXY: address, HF_ENDPOINT: "https://hub.example", ...certificate!.env };
      const data = join(root, name);
      const server = await startServer(runtime, ["--download-hosts", "*.lan,10.99.0.0/16"], { data, env });
      const ask = async (path: string, init: RequestInit = {}): Promise<any> =>
        (await fetch(`${server.url}/v1/models${path}`, init)).json();
      const post = (body: object) =>
        ask("", { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
      const events = (id: string) => fetch(`${server.url}/v1/models/download/${encodeURIComponent(id)}/events`);
      const now = async (id: string): Promise<DownloadEvent> => {
        const reader = frameReader(await events(id));
        return reader.next().finally(reader.cancel) as Promise<DownloadEvent>;
      };
      const listed = async (): Promise<string[]> => (await ask("")).data.map(({ id }: { id: string }) => id);
      /** Downloads, and compares with what is to come of it; the sentence of a difference. */
      const compare = async (row: string, id: string, end: End): Promise<string[]> => {
        if (end !== "done" && "waits" in end) {
          const isWaiting = async () => {
            const { state, problem = "" } = await now(id);
            return state === "waiting" && problem.includes(end.waits);
          };
          await eventually(`${row} waits`, isWaiting, 60_000);
          (results[row] ??= {})[name] = "waiting";
          await ask(`/download/${encodeURIComponent(id)}`, { method: "DELETE" });
          return [];
        }
        const { state, error } = (await framesOf(await events(id))).data.at(-1) as DownloadEvent;
        (results[row] ??= {})[name] = error?.code ?? state;
        const { says, code = "download_failed" } = end === "done" ? { says: "" } : end;
        const fine = end === "done" ? state === "done" : error?.code === code && error.message.includes(says);
        // Which proxy it is stands in the environment of the server, and clients are not told.
        return fine && !JSON.stringify(error ?? {}).includes(String(proxy.port)) ? [] : [`${row}: ${state} ${error?.message}`];
      };
      try {
        const mistaken = await Promise.all(
          Object.entries(CASES).map(async ([id, { fault, end, source = `https://hub.example${pathOf(id)}` }]) => {
            hub.put(pathOf(id), BYTES);
            hub.set(pathOf(id), fault);
            await post({ source_url: source, id, ...ALL, download: true });
            return compare(`the hub: ${id}`, id, end);
          }),
        );
        expect(mistaken.flat()).toEqual([]);
        const done = Object.keys(CASES).filter((id) => CASES[id]!.end === "done");
        expect((await listed()).toSorted()).toEqual(done.toSorted());

        for (const [what, fault, times, header, end] of PROXY) {
          proxy.fail(fault, times, header);
          await post({ source_url: `https://hub.example${pathOf("nothing")}`, id: what, ...ALL, download: true });
          expect(await compare(`the proxy: ${what}`, what, end)).toEqual([]);
          proxy.fail(undefined);
          expect((await listed()).includes(what)).toBe(end === "done");
        }
        for (const [what, fault, end] of [
          ["503 twice", { kind: "status", status: 503, times: 2 }, "done"],
          ["pages", { kind: "pages" }, "done"],
          ["reset once", { kind: "drop", times: 1 }, "done"],
          ["404", { kind: "status", status: 404 }, { says: "There is no repository" }],
        ] as [string, Fault, End][]) {
          hub.set(LISTING, fault);
          const { id } = await post({ repo: "hf:org/m:Q8_0", download: true });
          expect(await compare(`the list: ${what}`, id, end)).toEqual([]);
          expect((await listed()).includes(id)).toBe(end === "done");
          await ask(`/${encodeURIComponent(id)}`, { method: "DELETE" });
        }
      } finally {
        proxy.fail(undefined);
        await server.stop();
      }
      expect(readFileSync(join(data, "weights", "nothing", "nothing.gguf")).equals(BYTES)).toBe(true);
    },
    SLOW,
  );
});
