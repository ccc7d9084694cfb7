// The two forms of a line of the log.
import { describe, expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import { createLog, type LogOptions } from "../../src/support/log/log.ts";
import type { RequestLine } from "../../src/support/log/request-line.ts";

/** What a terminal would obey, or show in another order than it was written in. */
const HOSTILE = "a\r\nForged: line\u001b[2J\u009b2J\u202e\u2028b";

function written(options: LogOptions = {}) {
  const lines: string[] = [];
  return { lines, log: createLog((line) => lines.push(line), { now: () => 0, ...options }) };
}

const LINE: RequestLine = {
  ...{ request_id: "req_1", status: 200, method: "POST", path: "/v1/chat/completions", model: "tiny" },
  ...{ prompt_tokens: 812, cached_tokens: 700, completion_tokens: 128, first_token_ms: 210, duration_ms: 3_421.5, key: 1 },
};

describe("JSON", () => {
  test("a line is one object, with the fields behind time, level and message", () => {
    const { log, lines } = written();
    log.info("model loaded", { model: "tiny", ms: 3 });
    expect(lines).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"model loaded","model":"tiny","ms":3}\n',
    ]);
  });

  test("a line without fields is an object too", () => {
    const { log, lines } = written();
    log.warn('it says "no"');
    expect(JSON.parse(lines[0]!)).toEqual({ time: "1970-01-01T00:00:00.000Z", level: "warn", message: 'it says "no"' });
  });

  test("an error has its stack and its causes", () => {
    const { log, lines } = written();
    log.error("it broke", { cause: new Error("outer", { cause: new Error("inner") }) });
    const { cause } = JSON.parse(lines[0]!) as { cause: { stack: string; cause: { stack: string } } };
    expect([cause.stack, cause.cause.stack]).toEqual([expect.stringContaining("outer"), expect.stringContaining("inner")]);
  });

  test("S-43: what a terminal would obey is escaped, and the value stays the same", () => {
    const { log, lines } = written();
    log.info("request", { path: HOSTILE });
    expect(lines[0]).toMatch(/^[ -~]*\n$/);
    expect(JSON.parse(lines[0]!)).toMatchObject({ path: HOSTILE });
  });

  const short: RequestLine = { request_id: "req_1", status: 200, method: "GET", path: "/v1/threads", duration_ms: 0.42, key: 1 };
  test.each<[string, RequestLine]>([
    ["with a model", LINE],
    ["without a model", short],
    ["of the owner", { ...short, key: "owner" }],
    ["of an address", { ...short, key: undefined, address: "::1" }],
    ["of a stream that was left", { ...short, ended: "left" }],
    ["whose path a terminal would obey", { ...short, path: `${HOSTILE}"\\`, method: '"' }],
  ])("a request %s is one object with all that is known of it", (_name, line) => {
    const { log, lines } = written();
    log.info("request", { ...line });
    expect(lines[0]).toMatch(/^[ -~]*\n$/);
    const fields = JSON.parse(JSON.stringify(line)) as object;
    expect(JSON.parse(lines[0]!)).toEqual({ time: "1970-01-01T00:00:00.000Z", level: "info", message: "request", ...fields });
  });

  test("lines that are alike are all written", () => {
    const { log, lines } = written();
    for (let i = 0; i < 50; i++) log.info("request", { path: "/" });
    expect(lines).toHaveLength(50);
  });
});

describe("text", () => {
  test("a request has its status, its path, its model, tokens, times and the number of its key", () => {
    const { log, lines } = written({ format: "text" });
    log.info("request", { ...LINE });
    expect(lines[0]!.slice(9)).toBe(
      "200 POST   /v1/chat/completions tiny, 812 in (700 cached), 128 out, first 210 ms, 3.42 s, key 1\n",
    );
  });

  test("a request without a generation has its time and its address", () => {
    const { log, lines } = written({ format: "text" });
    log.info("request", { request_id: "req_1", status: 404, method: "GET", path: "/v1/x", duration_ms: 0.42, address: "::1" });
    expect(lines[0]!.slice(9)).toBe("404 GET    /v1/x 0.4 ms, ::1\n");
  });

  test("a stream whose client left says so", () => {
    const { log, lines } = written({ format: "text" });
    log.info("request", { ...LINE, ended: "left" });
    expect(lines[0]).toContain("3.42 s, the client left, key 1");
  });

  test("another line has its level and its fields, with quotes where they are needed", () => {
    const { log, lines } = written({ format: "text" });
    log.warn("model unloaded", { model: "tiny", why: "it was idle", none: undefined });
    expect(lines[0]!.slice(9)).toBe('WARN  model unloaded model=tiny why="it was idle"\n');
  });

  test("S-43: what a terminal would obey is escaped, in fields, messages, paths and stacks", () => {
    const { log, lines } = written({ format: "text" });
    log.info("request", { ...LINE, path: HOSTILE, model: HOSTILE });
    log.info(HOSTILE, { value: HOSTILE });
    log.error("it broke", { cause: new Error(HOSTILE) });
    for (const line of lines) expect(line).toMatch(/^[ -~\n]*$/);
    expect(lines.slice(0, 2).join("")).toMatch(/^[^\n]*\n[^\n]*\n$/);
  });

  test("the stack of an error stands behind its line", () => {
    const { log, lines } = written({ format: "text" });
    log.error("it broke", { cause: new Error("outer", { cause: new Error("inner") }) });
    expect(lines[0]).toMatch(/ERROR it broke\n {2}.*outer[^]*\n {2}caused by:\n {2}.*inner/);
  });

  test("colours are those of a terminal, and nothing else", () => {
    const [plain, colored] = [written({ format: "text" }), written({ format: "text", colors: true })];
    for (const { log } of [plain, colored]) log.info("request", { ...LINE });
    expect(colored.lines[0]).not.toBe(plain.lines[0]);
    expect(stripVTControlCharacters(colored.lines[0]!)).toBe(plain.lines[0]!);
  });
});

test.each([
  ["error", ["error"]],
  ["warn", ["error", "warn"]],
  ["info", ["error", "warn", "info"]],
  ["debug", ["error", "warn", "info", "debug"]],
] as const)("the level %s has the lines of %j", (level, expected) => {
  const { log, lines } = written({ level });
  for (const each of ["error", "warn", "info", "debug"] as const) log[each]("it says so");
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual([...expected]);
  expect((["error", "warn", "info", "debug"] as const).filter(log.isLevelEnabled)).toEqual([...expected]);
});
