// What `openIngle` answers to requests that only a program can hand to it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openIngle, type Ingle } from "../../src/server/open-ingle.ts";

const data = mkdtempSync(join(tmpdir(), "ingle-open-"));
let ingle: Ingle;
beforeAll(async () => void (ingle = await openIngle({ data, adapter: "echo", log: () => {} })));
afterAll(async () => {
  await ingle.close();
  rmSync(data, { recursive: true, force: true });
});

const post = (headers: Record<string, string> = {}, path = "/v1/threads"): Request =>
  new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: '{"title":"mine"}',
  });
const answerTo = async (request: Request): Promise<[number, string]> => {
  const answer = await ingle.fetch(request);
  return [answer.status, ((await answer.json()) as { error?: { message: string } }).error?.message ?? ""];
};

describe("B-61: a request whose body was taken before", () => {
  const WAYS: Record<string, (request: Request) => unknown> = {
    read: (request) => request.text(),
    "read in part": async (request) => {
      const reader = request.body!.getReader();
      await reader.read();
      reader.releaseLock();
    },
    "read just now": (request) => void request.body!.getReader(),
  };
  for (const [way, take] of Object.entries(WAYS)) {
    for (const headers of [{}, { host: "localhost" }, { "content-length": "16" }, { "content-length": "999999999" }]) {
      test(`${way}, ${JSON.stringify(headers)}`, async () => {
        const request = post(headers as Record<string, string>);
        await take(request);
        const [status, message] = await answerTo(request);
        if (headers["content-length"] === "999999999") return void expect(status).toBe(413);
        expect([status, message]).toEqual([
          400,
          "The body of the request was read before it came here. Hand on a clone of it, made before.",
        ]);
      });
    }
  }
  test("is no other request: the guards come first, and a clone of it is answered", async () => {
    const foreign = post({ host: "rebound.example" });
    await foreign.text();
    expect((await answerTo(foreign))[0]).toBe(403);
    const request = post();
    const clone = request.clone();
    await request.text();
    expect((await ingle.fetch(clone)).status).toBe(200);
  });
});
