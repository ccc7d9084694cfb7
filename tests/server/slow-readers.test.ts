// Clients that take an answer slowly, or not at all, on each runtime.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findRuntime, RUNTIMES } from "../../src/launch/runtimes.mjs";
import { get, request, startFixture, type Fixture } from "../support/fixture.ts";
import { raw } from "../support/raw.ts";
import { eventually } from "../support/server.ts";

const SLOW = 90_000;
const PATIENCE = 40_000;
const MIB = 2 ** 20;

for (const runtime of RUNTIMES) {
  const command = findRuntime(runtime);
  describe.skipIf(!command)(command ? `on ${runtime}` : `on ${runtime}: not installed here`, () => {
    let server: Fixture;
    beforeAll(async () => void (server = await startFixture(command!)), SLOW);
    afterAll(() => server.kill());

    const stalled = async (path: string) => {
      const client = await raw(server.url);
      client.socket.pause();
      client.send(get(path));
      return client;
    };
    const happens = (what: string) => eventually(what, async () => (await server.seen())[what] !== undefined, PATIENCE);

    test(
      "F-46: a reader that takes nothing is cut, whatever it was answered, and nothing more is made for it",
      async () => {
        const clients = [await stalled("/list/stalled/1000000"), await stalled("/large/large/20")];
        await Promise.all(["stalled over", "large aborted"].map(happens));
        // What the kernel and one piece hold, of 10 GB.
        expect((await server.seen())["stalled made"]).toBeLessThan(2_000);
        for (const client of clients) client.end();
      },
      SLOW,
    );

    // Where the kernel does not say what it holds, what a reader takes is seen in larger steps.
    test.skipIf(process.platform !== "linux")(
      "F-46: a reader that takes 1 KB now and then gets all of it",
      async () => {
        const program = ["-c", READER, new URL(server.url).port, "/list/slow/2000", "/large/slow/20"];
        const child = Bun.spawn(["python3", ...program], { stdout: "pipe" });
        const [list, large] = (await new Response(child.stdout).text()).trim().split("\n").map(Number);
        expect(list).toBeGreaterThan(2_000 * 10_000);
        expect(large).toBeGreaterThan(20 * MIB);
      },
      SLOW,
    );

    test("a large answer leaves the connection usable, and HEAD of it has no body", async () => {
      const client = await raw(server.url);
      client.send(get("/list/whole/700"));
      await client.until(/\]\r\n0\r\n\r\n$/, PATIENCE);
      client.send(get("/large/whole/3"));
      await client.until(/\u00c3\u00a9"$/, PATIENCE);
      client.send(["/list/headed/700", "/large/headed/3"].map((path) => request(`HEAD ${path}`, ["Host: localhost"])).join(""));
      client.send(get("/ok"));
      const text = await client.until(/"ok":true/, PATIENCE).finally(client.end);
      expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(5);
      expect(text.length).toBeLessThan(700 * 10_100 + 3 * MIB + 3_000);
      await happens("headed over");
    });

    test("a list that fits in one piece has a length, and an error before the first byte is an HTTP error", async () => {
      const ask = async (path: string) => {
        const client = await raw(server.url);
        client.send(get(path));
        return client.until(/\r\n\r\n[^]*[\]}]$/, PATIENCE).finally(client.end);
      };
      expect(await ask("/list/small/2")).toMatch(/^HTTP\/1\.1 200[^]*content-length: 20\d{3}\r/i);
      expect(await ask("/list/none/0")).toEndWith("\r\n\r\n[]");
      expect(await ask("/list/broken/2")).toMatch(/^HTTP\/1\.1 500[^]*"server_error"/);
    });

    test.each(["1.0", "1.1"])(
      "an error amid a list breaks the connection of HTTP/%s: a part never ends as the whole",
      async (version) => {
        const client = await raw(server.url);
        const errors: unknown[] = [];
        client.socket.on("error", ({ code }: NodeJS.ErrnoException) => errors.push(code));
        client.send(request("GET /list/broken/700", ["Host: localhost"]).replace("HTTP/1.1", `HTTP/${version}`));
        const text = await client.closed(PATIENCE);
        expect(text).toMatch(/^HTTP\/1\.1 200/);
        expect(text).not.toEndWith("\r\n0\r\n\r\n");
        // Without chunks, an orderly end of the connection would be the end of the answer.
        if (version === "1.0") expect(errors).toEqual(["ECONNRESET"]);
      },
    );
  });
}

/** Reads 1 KB every half second of each path for longer than the server waits for one that takes nothing, then the rest. */
const READER = `
import socket, sys, time
clients = []
for path in sys.argv[2:]:
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.sendall(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n".encode())
    clients.append(client)
taken = [0] * len(clients)
end = time.time() + 16
while time.time() < end:
    for i, client in enumerate(clients):
        taken[i] += len(client.recv(1024))
    time.sleep(0.5)
for i, client in enumerate(clients):
    while piece := client.recv(1 << 20):
        taken[i] += len(piece)
    print(taken[i])
`;
