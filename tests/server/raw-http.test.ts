// What clients put on the wire by hand, byte by byte, and what the real server makes of it on each runtime. docs/runtimes.md lists what differs.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";
import { expectedOn } from "./raw-http/case.ts";
import { RAW_CASES } from "./raw-http/cases.ts";
import { type DifferenceName, DIFFERENCES } from "./raw-http/differences.ts";
import { play } from "./raw-http/play.ts";

const SLOW = 120_000;
/** Connections at a time, so that one that hears what is another's would show. */
const WIDTH = 8;

test("each case has a title of its own", () => {
  const titles = Object.values(RAW_CASES).flatMap((cases) => cases.map(({ title }) => title));
  expect(titles.length).toBeGreaterThan(100);
  expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
});

test("each difference that is explained is one", () => {
  const found = Object.values(RAW_CASES).flatMap((cases) => cases.flatMap((each) => each.except?.difference ?? []));
  expect(new Set(found)).toEqual(new Set(Object.keys(DIFFERENCES) as DifferenceName[]));
});

for (const runtime of runtimes()) {
  describe.skipIf(runtime.skip !== undefined)(`on ${runtime.name}${runtime.skip ? `: skipped, ${runtime.skip}` : ""}`, () => {
    let server: Server;
    beforeAll(async () => {
      const data = mkdtempSync(join(tmpdir(), "ingle-raw-"));
      server = await startServer(runtime, ["--adapter", "echo"], { data });
    }, SLOW);
    afterAll(async () => void (await server?.stop("SIGKILL")), SLOW);

    test.each(Object.entries(RAW_CASES))(
      "%s",
      async (_, cases) => {
        const expected = cases.map((each) => [each.title, expectedOn(runtime.name, each)] as const);
        const came: (readonly [string, string])[] = [];
        const left = [...cases.entries()];
        const work = async (): Promise<void> => {
          for (let next = left.shift(); next !== undefined; next = left.shift()) {
            const [i, each] = next;
            came[i] = [each.title, await play(server.url, each, expected[i]![1])];
          }
        };
        await Promise.all(Array.from({ length: WIDTH }, work));
        expect(Object.fromEntries(came)).toEqual(Object.fromEntries(expected));
      },
      SLOW,
    );

    test("HEAD has the status, the type and the length of GET, and no body", async () => {
      for (const path of [
        "/v1/threads",
        "/v1/models",
        "/v1/ps",
        "/v1/assistants/jan",
        "/v1/models/echo",
        "/v1/threads/nope",
        "/nope",
      ]) {
        const [got, head] = await Promise.all(["GET", "HEAD"].map((method) => fetch(`${server.url}${path}`, { method })));
        const facts = ({ status, headers }: Response) => [
          path,
          status,
          headers.get("content-type"),
          headers.get("content-length"),
        ];
        expect(facts(head!)).toEqual(facts(got!));
        expect(await head!.text()).toBe("");
      }
    });

    test("and the server has nothing to say of all that", () => {
      expect(server.stderr.filter((line) => !line.includes('"level":"info"'))).toEqual([]);
    });
  });
}
