// `x-should-retry`: which errors OpenAI's clients send again, and that each error of the API has been thought of.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { AdapterError } from "../../adapters/adapter.ts";
import type { AdapterErrorCode } from "../../adapters/error-options.ts";
import { ApiError, errorResponse, toApiError } from "../../src/http/errors.ts";
import { makeApp } from "../support/app.ts";
import { MENDED_BY_WAITING } from "../../src/http/retries.ts";

const ROOT = join(import.meta.dirname, "../..");
const ROWS = Object.entries(MENDED_BY_WAITING).map(([row, mended]) => {
  const [status, code] = row.split(" ");
  return { status: Number(status), code: code!, mended };
});
/** What clients try again by themselves. */
const isTriedAgain = (status: number): boolean => [408, 409, 429].includes(status) || status >= 500;

/** How often the client sends a request that is answered so. */
async function timesSent(answer: () => Response): Promise<number> {
  let sent = 0;
  const fetch = async (): Promise<Response> => {
    sent++;
    const { status, headers, body } = answer();
    return new Response(body, { status, headers: { ...Object.fromEntries(headers), "retry-after-ms": "1" } });
  };
  const client = new OpenAI({ apiKey: "x".repeat(16), baseURL: "http://localhost/v1", maxRetries: 1, fetch });
  await client.models.list().catch(() => {});
  return sent;
}

test.each(ROWS)("$status $code: OpenAI's client tries again: $mended", async ({ status, code, mended }) => {
  const res = errorResponse(new ApiError(status, "No.", { code }));
  expect(res.headers.get("x-should-retry")).toBe(mended ? null : "false");
  expect(await timesSent(() => errorResponse(new ApiError(status, "No.", { code })))).toBe(mended ? 2 : 1);
});

test("an error that is known to last is not tried again, whatever its code", async () => {
  const lasting = () => errorResponse(new ApiError(503, "No.", { code: "engine_unavailable", lasting: true }));
  expect(await timesSent(lasting)).toBe(1);
  const adapters = () => errorResponse(toApiError(new AdapterError("engine_unavailable", "No.", { lasting: true })));
  expect(await timesSent(adapters)).toBe(1);
});

test("a page of a listed origin may read it", async () => {
  const { request } = makeApp({ guards: { origins: ["https://app.example"] } });
  const res = await request("/v1/assistants/jan", { method: "DELETE", headers: { origin: "https://app.example" } });
  expect([res.status, res.headers.get("x-should-retry")]).toEqual([409, "false"]);
  expect(res.headers.get("access-control-expose-headers")!.split(", ")).toContain("x-should-retry");
});

describe("the table has every error that clients try again", () => {
  const sources = readdirSync(join(ROOT, "src"), { recursive: true })
    .map(String)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(join(ROOT, "src", path), "utf8"));
  const rows = Object.keys(MENDED_BY_WAITING);

  test("of those that the server throws itself", () => {
    // `new ApiError(409, …, { code: "…" })`, and `failure(507, "…"` of the storage.
    const thrown = sources.flatMap((text) => [
      ...[...text.matchAll(/new ApiError\((\d{3}),(?:(?!new ApiError)[\s\S]){0,300}?code: "(\w+)"/g)],
      ...[...text.matchAll(/\bfailure\((\d{3}), "(\w+)"/g)],
    ]);
    const found = thrown.filter(([, status]) => isTriedAgain(Number(status))).map(([, status, code]) => `${status} ${code}`);
    expect(found.length).toBeGreaterThan(15);
    expect([...new Set(found)].filter((row) => !rows.includes(row))).toEqual([]);
  });

  test("of those that adapters throw", () => {
    const options = readFileSync(join(ROOT, "adapters/error-options.ts"), "utf8");
    const union = /export type AdapterErrorCode =([\s\S]*?);/.exec(options)![1]!;
    const codes = [...union.matchAll(/"(\w+)"/g)].map(([, code]) => code as AdapterErrorCode);
    expect(codes).toContain("engine_crashed");
    const answers = codes.map((code) => toApiError(new AdapterError(code, "No.")));
    const found = answers.filter(({ status }) => isTriedAgain(status)).map(({ status, code }) => `${status} ${code}`);
    expect(found.filter((row) => !rows.includes(row))).toEqual([]);
  });

  test("and an unknown one, which waiting does not mend", () => {
    const { status, code } = toApiError(new Error("A mistake of ours."));
    expect(MENDED_BY_WAITING[`${status} ${code}`]).toBe(false);
  });

  test("and docs/api.md has the same table", () => {
    const page = readFileSync(join(ROOT, "docs/api.md"), "utf8");
    const told = [...page.matchAll(/^\| (\d{3}) \|(.*?)\|(.*?)\|$/gm)].flatMap(([, status, mended, not]) => [
      ...[...mended!.matchAll(/`(\w+)`/g)].map(([, code]): [string, boolean] => [`${status} ${code}`, true]),
      ...[...not!.matchAll(/`(\w+)`/g)].map(([, code]): [string, boolean] => [`${status} ${code}`, false]),
    ]);
    expect(Object.fromEntries(told)).toEqual(MENDED_BY_WAITING);
  });
});
