// The real socket, spoken to by hand, on each runtime this machine has.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findRuntime, RUNTIMES } from "../../src/launch/runtimes.mjs";
import { serve } from "../../src/server/listen.ts";
import { get, post, request, startFixture, type Fixture } from "../support/fixture.ts";
import { FOREIGN_HOSTS, ODD_HOSTS } from "../support/hosts.ts";
import { run } from "../support/program.ts";
import { raw } from "../support/raw.ts";

const SLOW = 60_000;
/** Far beyond what anything here takes; it only ends what hangs. */
const PATIENCE = 20_000;

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const runtime of RUNTIMES) {
  const command = findRuntime(runtime);
  describe.skipIf(!command)(command ? `on ${runtime}` : `on ${runtime}: not installed here`, () => {
    let server: Fixture;
    beforeAll(async () => void (server = await startFixture(command!)), SLOW);
    afterAll(() => server.kill());

    /** Sends one request and answers with all that comes until `until`. */
    async function ask(text: string, until = /\r\n\r\n/): Promise<string> {
      const client = await raw(server.url);
      client.send(text);
      return client.until(until).finally(client.end);
    }
    async function eventually(what: string, ms: number): Promise<number> {
      const begin = performance.now();
      while (!(await server.seen())[what]) {
        if (performance.now() - begin > ms) throw new Error(`Not "${what}" within ${ms} ms.`);
        await later(10);
      }
      return performance.now() - begin;
    }

    test("the url has the real port, and a request there is answered", async () => {
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
      expect(await ask(get("/ok"), /true/)).toMatch(/^HTTP\/1\.1 200[^]*x-request-id: req_1[^]*\{"ok":true\}/i);
    });

    test.each(["LOCALHOST:1337", "127.0.0.1", "[::1]:1337"])("S-03: Host %s is answered", async (host) => {
      expect(await ask(request("GET /ok", [`Host: ${host}`]))).toStartWith("HTTP/1.1 200");
    });

    const odd = [...ODD_HOSTS, "local host", "localhost, evil.com", ""];
    test.each([...FOREIGN_HOSTS, ...odd])('S-01, S-02, S-04: Host "%s" is refused', async (host) => {
      expect(await ask(request("GET /ok", [`Host: ${host}`]))).toMatch(/^HTTP\/1\.1 (403|400)/);
    });

    test.each([["Host: localhost", "Host: evil.com"], ["Host: evil.com", "Host: localhost"], []])(
      "a repeated or absent Host is refused: %p %p",
      async (...headers) => {
        expect(await ask(request("GET /ok", headers as string[]))).toMatch(/^HTTP\/1\.1 (403|400)/);
      },
    );

    test("S-05: for an absolute target the Host header decides", async () => {
      expect(await ask(request("GET http://evil.com/ok", ["Host: localhost"]))).toStartWith("HTTP/1.1 200");
      expect(await ask(request("GET http://localhost/ok", ["Host: evil.com"]))).toStartWith("HTTP/1.1 403");
    });

    test("S-06: a forwarded host does not count", async () => {
      expect(await ask(request("GET /ok", ["Host: evil.com", "X-Forwarded-Host: localhost"]))).toStartWith("HTTP/1.1 403");
    });

    test("B-04, B-05: only JSON bodies are read, and POST without a body is not a wrong content type", async () => {
      const typed = (type: string) =>
        request("POST /v1/echo", ["Host: localhost", ...(type ? [type] : []), "Content-Length: 2"]) + "{}";
      expect(await ask(typed(""))).toStartWith("HTTP/1.1 415");
      expect(await ask(typed("Content-Type: text/plain"))).toStartWith("HTTP/1.1 415");
      expect(await ask(typed("Content-Type: application/jsonx"))).toStartWith("HTTP/1.1 415");
      expect(await ask(typed("Content-Type: application/json; charset=utf-8"))).toStartWith("HTTP/1.1 200");
      expect(await ask(typed("Content-Type: APPLICATION/JSON"))).toStartWith("HTTP/1.1 200");
      expect(await ask(request("POST /v1/echo", ["Host: localhost"]), /\}/)).toMatch(/^HTTP\/1\.1 400[^]*"invalid_json"/);
    });

    test("B-07: 400,000 nested arrays are refused in no time", async () => {
      const begin = performance.now();
      expect(await ask(post("/v1/chat/completions", "[".repeat(400_000)), /too_deep/)).toStartWith("HTTP/1.1 400");
      expect(performance.now() - begin).toBeLessThan(10_000);
    });

    test("B-08: a body beyond the limit is refused, declared", async () => {
      const body = JSON.stringify("x".repeat(65_535));
      expect(await ask(post("/v1/echo", body), /request_too_large/)).toStartWith("HTTP/1.1 413");
      expect(await ask(get("/ok"))).toStartWith("HTTP/1.1 200");
    });

    test("B-08: and chunked, even when it never ends", async () => {
      const head = request("POST /v1/echo", ["Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked"]);
      const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
      expect(await ask(head + chunk.repeat(3), /request_too_large/)).toStartWith("HTTP/1.1 413");
    });

    test("a chunked body within the limit is read", async () => {
      const head = request("POST /v1/echo", ["Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked"]);
      expect(await ask(`${head}3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n`, /\{"a":1\}/)).toStartWith("HTTP/1.1 200");
    });

    test("B-09: a body that stops coming is a 408 and the end of the connection", async () => {
      const client = await raw(server.url);
      client.send(post("/v1/echo", "{}").replace("Length: 2", "Length: 20"));
      expect(await client.until(/request_timeout/)).toStartWith("HTTP/1.1 408");
      await client.closed();
      client.end();
    });

    test("B-17: an endless URL or header is refused", async () => {
      expect(await ask(get(`/${"a".repeat(100_000)}`))).toMatch(/^HTTP\/1\.1 (431|414|400)/);
      expect(await ask(get("/ok", `X-Long: ${"a".repeat(100_000)}`))).toMatch(/^HTTP\/1\.1 (431|400)/);
    });

    test.each([
      "\0\u0001\u0002 nonsense\r\n\r\n",
      "GET ok HTTP/1.1\r\nHost: localhost\r\n\r\n",
      post("/ok", "{}", "Content-Length: 9"),
    ])("a broken request gets a 400: %p", async (text) => expect(await ask(text)).toStartWith("HTTP/1.1 400"));

    test("HEAD has no body, and a stream behind it is let go", async () => {
      const text = await ask(request("HEAD /ok", ["Host: localhost"]) + get("/ok"), /"ok":true/);
      expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
      expect(text.match(/"ok":true/g)).toHaveLength(1);
      expect(await ask(request("HEAD /stream/headed/100/50", ["Host: localhost"]))).toStartWith("HTTP/1.1 200");
      await eventually("headed cancelled", 1000);
    });

    test("what is thrown beyond the app is an empty 500", async () => {
      expect(await ask(get("/throw"))).toStartWith("HTTP/1.1 500");
    });

    test("a stream that breaks ends the connection before its end mark", async () => {
      const client = await raw(server.url);
      client.send(get("/break"));
      expect(await client.closed()).not.toContain("\r\n0\r\n\r\n");
    });

    test("200 pipelined requests get 200 answers, in order", async () => {
      const paths = Array.from({ length: 200 }, (_, i) => `/nothing-${i}-`);
      const client = await raw(server.url);
      client.send(paths.map((path) => get(path)).join("") + get("/ok"));
      const text = await client.until(/"ok":true/, 5000).finally(client.end);
      expect(Array.from(text.match(/nothing-\d+-/g) ?? [])).toEqual(paths.map((path) => path.slice(1)));
    });

    test("a client that leaves before the answer aborts the request at once", async () => {
      const client = await raw(server.url);
      client.send(get("/wait/early/20000"));
      await later(100);
      client.end();
      expect(await eventually("early aborted", PATIENCE)).toBeLessThan(5_000);
    });

    test("the first piece of a stream is out at once, and leaving cancels it though it is silent", async () => {
      const client = await raw(server.url);
      const begin = performance.now();
      client.send(get("/stream/amid/3/20000"));
      await client.until(/data: 0/);
      expect(performance.now() - begin).toBeLessThan(5_000);
      client.end();
      expect(await eventually("amid cancelled", PATIENCE)).toBeLessThan(5_000);
    });

    test("an answer that was read to its end aborts nothing", async () => {
      await ask(get("/wait/whole/10"), /true/);
      await later(50);
      expect((await server.seen())["whole aborted"]).toBeUndefined();
    });

    test("a reader that stalls stops the writer", async () => {
      const client = await raw(server.url);
      client.socket.pause();
      client.send(get("/flood"));
      await later(700);
      const before = (await server.seen())["flood chunks"]!;
      await later(300);
      expect((await server.seen())["flood chunks"]).toBe(before);
      expect(before).toBeLessThan(200);
      client.end();
      await eventually("flood cancelled", 1000);
    });

    test("a second server on the same port is refused with one sentence", async () => {
      const { port } = new URL(server.url);
      const sentence = `Port ${port} on 127.0.0.1 is in use. Stop the other server or choose another port with --port.`;
      expect(serve(() => new Response(), { host: "127.0.0.1", port: Number(port) })).rejects.toThrow(sentence);
    });

    test("close() refuses newcomers and drops idlers at once, waits for a running answer", async () => {
      const [idle, running] = [await raw(server.url), await raw(server.url)];
      idle.send(get("/ok"));
      await idle.until(/true/);
      running.send(get("/stream/running/6/100"));
      await running.until(/data: 0/);
      const closing = server.close(20_000);
      await idle.closed(PATIENCE);
      expect(fetch(`${server.url}/ok`)).rejects.toThrow();
      expect(await running.until(/data: 5[^]*\r\n0\r\n\r\n/)).toStartWith("HTTP/1.1 200");
      expect((await closing).ms).toBeLessThan(10_000);
    });

    test(
      "close() cuts what runs beyond its grace, and the runtime has printed nothing all along",
      async () => {
        const second = await startFixture(command!);
        await fetch(`${second.url}/throw`);
        const running = await raw(second.url);
        running.send(get("/stream/endless/1000/100"));
        await running.until(/data: 0/);
        const { ms } = await second.close(300);
        expect(ms).toBeGreaterThan(250);
        expect(ms).toBeLessThan(10_000);
        expect(second.noise()).toBe("");
        await running.closed(PATIENCE);
        let seen = (await second.close(0)).seen;
        // The cut is told to the stream a moment after the connection is gone.
        for (let i = 0; i < 100 && !seen["endless cancelled"]; i++) {
          await new Promise((done) => setTimeout(done, 50));
          seen = (await second.close(0)).seen;
        }
        expect(seen).toMatchObject({ "endless cancelled": 1 });
        second.kill();
      },
      SLOW,
    );
  });
}

test.each(RUNTIMES)("on %s, a program that serves keeps its own globals, and a Response answers once", async (name) => {
  const command = findRuntime(name);
  if (command === undefined) return console.log(`skipped: ${name} is not on this machine`);
  const { stdout, stderr } = await run([...command, new URL("../support/global-names.ts", import.meta.url).pathname]);
  const { second, ...rest } = JSON.parse(stdout || JSON.stringify({ stderr }));
  expect(rest).toEqual({ changed: [], added: [], first: "hello" });
  expect(second).not.toEqual([200, ""]);
});

test("a port in use, a foreign address and an unknown name are each one sentence", async () => {
  const first = await serve(() => new Response(), { host: "127.0.0.1", port: 0 });
  const port = Number(new URL(first.url).port);
  const attempt = (host: string, port: number) => serve(() => new Response(), { host, port });
  expect(attempt("127.0.0.1", port)).rejects.toThrow(`Port ${port} on 127.0.0.1 is in use.`);
  expect(attempt("192.0.2.1", 0)).rejects.toThrow(
    "The server cannot listen on 192.0.2.1, port 0. Choose an address of this machine",
  );
  expect(attempt("name.invalid", 0)).rejects.toThrow("The server cannot listen on name.invalid, port 0.");
  await first.close(0);
});
