// The real server on each runtime, and clients that send too much, come from elsewhere, or leave.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { FOREIGN_HOSTS, ODD_HOSTS } from "../support/hosts.ts";
import { raw, type Raw } from "../support/raw.ts";
import { runtimes } from "../support/runtimes.ts";
import { eventually, startServer, type Server } from "../support/server.ts";

const SLOW = 120_000;
/** For an answer, in milliseconds; far beyond what one takes. */
const PATIENCE = 30_000;
const MIB = 2 ** 20;
const CHAT = "/v1/chat/completions";
const KEY = "sk-0123456789abcdef";

const HI = { messages: [{ role: "user", content: "hi" }] };
// Echoed word by word: far longer than any test waits.
const ENDLESS = { messages: [{ role: "user", content: "word ".repeat(400_000) }], max_tokens: 1e9 };

const head = (line: string, ...headers: string[]) =>
  `${line} HTTP/1.1\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n`;
const get = (path: string, ...headers: string[]) => head(`GET ${path}`, ...headers);
const post = (body: string, ...headers: string[]) =>
  head(`POST ${CHAT}`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`) + body;
const LOCAL = "Host: localhost";
const JSON_TYPE = "Content-Type: application/json";

for (const runtime of runtimes()) {
  describe.skipIf(runtime.skip !== undefined)(`on ${runtime.name}${runtime.skip ? `: skipped, ${runtime.skip}` : ""}`, () => {
    let server: Server;
    beforeAll(async () => {
      const data = mkdtempSync(join(tmpdir(), "ingle-clients-"));
      const flags = ["--adapter", "echo", "--slots", "1", "--queue", "0", "--context", "16777216"];
      server = await startServer(runtime, flags, { data });
    }, SLOW);
    afterAll(async () => void (await server?.stop("SIGKILL")), SLOW);

    /** Sends this and answers with all that comes until `until`. */
    async function ask(text: string, until = /\r\n\r\n/, to = server): Promise<string> {
      const client = await raw(to.url);
      client.send(text);
      return client.until(until, PATIENCE).finally(client.end);
    }
    const refused = (status: string, code: string) => new RegExp(`^HTTP/1\\.1 (${status})[^]*"code":"${code}"`);
    const expectRefusal = async (text: string, status: string, code: string, to = server) =>
      expect(await ask(text, /\}\}|^HTTP\/1\.1 400/, to)).toMatch(refused(status, code));
    const answers = async () => (await server.chat(HI)).status === 200;

    describe("B-08: a body beyond the limit is refused, and the server lives on", () => {
      const start = (...headers: string[]) => head(`POST ${CHAT}`, LOCAL, JSON_TYPE, ...headers);
      const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

      test("declared: before it is sent", async () => {
        await expectRefusal(start(`Content-Length: ${20 * MIB}`), "413", "request_too_large");
        expect(await answers()).toBe(true);
      });

      test("chunked: at the first byte that is too much", async () => {
        const client = await raw(server.url);
        client.send(start("Transfer-Encoding: chunked") + chunk('{"a":"') + chunk("x".repeat(10 * MIB - 6)));
        client.send(chunk("x"));
        expect(await client.until(/\}\}/, PATIENCE).finally(client.end)).toMatch(refused("413", "request_too_large"));
        expect(await answers()).toBe(true);
      });

      test.each(["Transfer-Encoding: chunked", `Content-Length: ${20 * MIB}`])("20 MiB sent all the same, %s", async (header) => {
        const client = await raw(server.url);
        client.send(start(header));
        for (let n = 0; n < 20; n++) client.send(header.startsWith("T") ? chunk("x".repeat(MIB)) : "x".repeat(MIB));
        expect(await client.until(/\}\}/, PATIENCE).finally(client.end)).toMatch(refused("413", "request_too_large"));
        expect(await answers()).toBe(true);
      });

      test("20 MiB sent by fetch", async () => {
        const body = JSON.stringify({ messages: [{ role: "user", content: "x".repeat(20 * MIB) }] });
        const response = await fetch(`${server.url}${CHAT}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
        });
        expect(response.status).toBe(413);
        expect(await response.json()).toMatchObject({ error: { code: "request_too_large" } });
      });

      test("a refusal that reads no body leaves the connection usable, or closes it", async () => {
        const client = await raw(server.url);
        client.send(post("x".repeat(5_000), LOCAL, "Content-Type: text/plain"));
        await client.until(/"unsupported_media_type"[^]*\}\}/, PATIENCE);
        client.send(get("/health", LOCAL));
        const next = await Promise.any([client.until(/"status":"ok"/, PATIENCE), client.closed(PATIENCE)]);
        client.end();
        expect(next).toMatch(/"status":"ok"|[Cc]onnection: close/);
      });
    });

    test("B-17: a URL and a header of 100 KB are refused, and the server lives on", async () => {
      expect(await ask(get(`/v1/models/${"a".repeat(100_000)}`, LOCAL))).toMatch(/^HTTP\/1\.1 (431|414|400)/);
      expect(await ask(get("/v1/models", LOCAL, `X-Long: ${"a".repeat(100_000)}`))).toMatch(/^HTTP\/1\.1 (431|414|400)/);
      expect(await answers()).toBe(true);
    });

    test.each([...FOREIGN_HOSTS, ...ODD_HOSTS])("S-01, S-02, S-04: Host %s is refused on every route", async (host) => {
      for (const text of [
        get("/v1/models", `Host: ${host}`),
        get("/health", `Host: ${host}`),
        post("{}", `Host: ${host}`, JSON_TYPE),
      ])
        expect(await ask(text, /\}\}|^HTTP\/1\.1 400/)).toMatch(/^HTTP\/1\.1 (403[^]*"code":"host_not_allowed"|400)/);
    });

    test.each(["LOCALHOST:1337", "127.0.0.1", "[::1]:1337"])("S-03: Host %s is ours", async (host) => {
      expect(await ask(get("/v1/models", `Host: ${host}`))).toStartWith("HTTP/1.1 200");
    });

    test.each(["https://evil.com", "http://localhost:3000", "file://", "chrome-extension://abc", "null"])(
      "S-08, S-13, S-14: Origin %s may neither ask nor look",
      async (origin) => {
        const text = post(JSON.stringify(HI), LOCAL, `Origin: ${origin}`, "Content-Type: text/plain");
        await expectRefusal(text, "403", "origin_not_allowed");
        await expectRefusal(get("/v1/models", LOCAL, `Origin: ${origin}`), "403", "origin_not_allowed");
        const preflight = head(`OPTIONS ${CHAT}`, LOCAL, `Origin: ${origin}`, "Access-Control-Request-Method: POST");
        const answer = await ask(preflight, /\}\}/);
        expect(answer).toMatch(refused("403", "origin_not_allowed"));
        expect(answer).not.toMatch(/^access-control-/im);
      },
    );

    test("S-09: a text/plain body without an Origin is not JSON", async () => {
      await expectRefusal(post(JSON.stringify(HI), LOCAL, "Content-Type: text/plain"), "415", "unsupported_media_type");
    });

    describe("a client that leaves frees the one slot", () => {
      const freed = () => eventually("the next request is answered", answers, PATIENCE);
      const sendEndless = async (fields: object) => {
        const client = await raw(server.url);
        client.send(post(JSON.stringify({ ...ENDLESS, ...fields }), LOCAL, JSON_TYPE));
        return client;
      };
      /** A client that holds the slot and has heard nothing yet. */
      const waiting = async (): Promise<Raw> => {
        let client = await sendEndless({});
        await eventually("the slot is taken", async () => {
          if ((await server.chat(HI)).status === 429) return true;
          // It may have come just while our own question held the slot.
          if ((await client.until(/^/)).startsWith("HTTP/1.1 429")) client = await sendEndless({});
          return false;
        });
        return client;
      };

      test("before anything came", async () => {
        (await sendEndless({ stream: true })).end();
        await freed();
      });

      test("after the first token", async () => {
        const client = await sendEndless({ stream: true });
        await client.until(/"content":"word"/, PATIENCE);
        expect((await server.chat(HI)).status).toBe(429);
        client.end();
        await freed();
      });

      test("after the last one", async () => {
        const client = await raw(server.url);
        client.send(post(JSON.stringify({ ...HI, stream: true }), LOCAL, JSON_TYPE));
        await client.until(/data: \[DONE\]/, PATIENCE);
        client.end();
        await freed();
      });

      test("amid an answer that is not streamed", async () => {
        (await waiting()).end();
        await freed();
      });

      test("and is no error of the server", () => {
        expect(server.stderr.filter((line) => !line.includes('"level":"info"'))).toEqual([]);
      });
    });

    describe("S-20: with a key", () => {
      let keyed: Server;
      beforeAll(async () => {
        const data = mkdtempSync(join(tmpdir(), "ingle-clients-"));
        keyed = await startServer(runtime, ["--adapter", "echo"], { data, env: { INGLE_KEY: KEY } });
      }, SLOW);
      afterAll(async () => void (await keyed?.stop("SIGKILL")), SLOW);

      test.each([
        "X-Nothing: 1",
        "Authorization: Bearer wrong-wrong-wrong",
        "Authorization: Bearer",
        `Authorization: Basic ${KEY}`,
      ])("%s is a 401", async (header) => {
        const text = await ask(get("/v1/models", LOCAL, header), /\}\}/, keyed);
        expect(text).toMatch(refused("401", "invalid_api_key"));
        expect(text).toMatch(/^www-authenticate: Bearer\r$/im);
        await expectRefusal(post(JSON.stringify(HI), LOCAL, JSON_TYPE, header), "401", "invalid_api_key", keyed);
      });

      test("two of them are none", async () => {
        const twice = Array.from({ length: 2 }, () => `Authorization: Bearer ${KEY}`);
        expect(await ask(get("/v1/models", LOCAL, ...twice), /\r\n\r\n/, keyed)).toMatch(/^HTTP\/1\.1 (401|400)/);
      });

      test.each([`Authorization: Bearer ${KEY}`, `Authorization: bearer ${KEY}`, `X-Api-Key: ${KEY}`])(
        "%s passes",
        async (header) => {
          expect(await ask(get("/v1/models", LOCAL, header), /\r\n\r\n/, keyed)).toStartWith("HTTP/1.1 200");
          expect(await ask(post(JSON.stringify(HI), LOCAL, JSON_TYPE, header), /\r\n\r\n/, keyed)).toStartWith("HTTP/1.1 200");
        },
      );
    });
  });
}
