// Many clients at once, over a real socket, on each runtime this machine has: a burst into one slot, and clients that leave.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { leave } from "../support/leavers.ts";
import { turnsOf } from "../support/metrics.ts";
import { raw } from "../support/raw.ts";
import { runtimes } from "../support/runtimes.ts";
import { eventually, startServer, type Server } from "../support/server.ts";
import { table } from "../support/table.ts";

const SLOW = 600_000;
/** `LEAVERS=10000` for the whole crowd. */
const LEAVERS = Number(process.env.LEAVERS ?? 1_500);
const MIB = 2 ** 20;

const says = (words: number, more: object = {}) =>
  JSON.stringify({ messages: [{ role: "user", content: "word ".repeat(words) }], max_tokens: words, ...more });
const post = (body: string) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

interface Row {
  busy: number;
  queued: number;
}

const rowsOf = async ({ url }: Server): Promise<Row[]> => ((await (await fetch(`${url}/v1/ps`)).json()) as { data: Row[] }).data;
const counted = async ({ url }: Server) => turnsOf(await (await fetch(`${url}/metrics`)).text());

/** Open sockets of a process, and the memory it has in bytes; Linux and its /proc only. */
function openSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  const isSocket = (name: string): boolean => {
    try {
      return readlinkSync(`${folder}/${name}`).startsWith("socket:");
    } catch {
      return false; // closed meanwhile
    }
  };
  return readdirSync(folder).filter(isSocket).length;
}
const memory = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]) * 1024;

/** What was measured: outcome -> runtime -> value. */
const results: Record<string, Record<string, string>> = {};
const note = (name: string, runtime: string, value: string): void => void ((results[name] ??= {})[runtime] = value);
afterAll(() => console.log(table("A crowd of clients", results)));

for (const runtime of runtimes()) {
  describe.skipIf(runtime.skip !== undefined)(runtime.skip ?? `on ${runtime.name}`, () => {
    let server: Server;
    beforeAll(async () => {
      server = await startServer(runtime, ["--adapter", "echo", "--slots", "1", "--queue", "64"]);
    }, SLOW);
    afterAll(async () => void (await server?.stop("SIGKILL")), SLOW);
    const idle = () =>
      eventually("the slot is free", async () => (await rowsOf(server)).every(({ busy, queued }) => busy + queued === 0));

    test(
      "200 requests at once on one slot: 65 answered in order of arrival, 135 refused at once",
      async () => {
        // Given a first turn that lasts until all others have come.
        const clients = await Promise.all(Array.from({ length: 200 }, () => raw(server.url)));
        const done: { id: string; status: string; text: string; ms: number }[] = [];
        clients[0]!.send(post(says(3_000)));
        await eventually("the first turn runs", async () => (await rowsOf(server))[0]?.busy === 1);
        const sent = performance.now();
        clients.slice(1).forEach((client) => client.send(post(says(20))));
        await Promise.all(
          clients.map(async (client) => {
            const text = await client.until(/\}\}?$/, SLOW);
            done.push({
              id: /"id":"(chatcmpl-\w+)"/.exec(text)?.[1] ?? "",
              status: text.slice(9, 12),
              text,
              ms: performance.now() - sent,
            });
            client.end();
          }),
        );
        const answered = done.filter(({ status }) => status === "200");
        const refused = done.filter(({ status }) => status === "429");
        expect([answered.length, refused.length]).toEqual([65, 135]);
        // Ids grow with the time when a request came to its turn or its place in the queue.
        const ids = answered.map(({ id }) => id);
        expect(ids).toEqual(ids.toSorted());
        for (const { text } of refused) {
          const seconds = Number(/^retry-after: (\d+)\r$/im.exec(text)?.[1]);
          expect(seconds >= 1 && seconds <= 60).toBe(true);
          expect(text).toContain('"code":"queue_full"');
        }
        // Together, as they came; each alone takes a fraction of it.
        const slowest = Math.max(...refused.map(({ ms }) => ms));
        note("135 refused within", runtime.name, `${slowest.toFixed(0)} ms`);
        expect(slowest).toBeLessThan(Math.min(...answered.map(({ ms }) => ms)) + 5_000);
        await idle();
      },
      SLOW,
    );

    test(
      "one that comes to a full queue is refused at once",
      async () => {
        const clients = await Promise.all(Array.from({ length: 65 }, () => raw(server.url)));
        clients.forEach((client) => client.send(post(says(2000))));
        await eventually("the queue is full", async () => (await rowsOf(server))[0]?.queued === 64);
        const times: number[] = [];
        for (let n = 0; n < 50; n++) {
          const began = performance.now();
          const res = await server.chat(JSON.parse(says(1)));
          times.push(performance.now() - began);
          expect([res.status, (await res.json()) as object]).toMatchObject([429, { error: { code: "queue_full" } }]);
        }
        times.sort((a, b) => a - b);
        note("one refused, median of 50", runtime.name, `${times[25]!.toFixed(1)} ms`);
        note("one refused, slowest of 50", runtime.name, `${times.at(-1)!.toFixed(1)} ms`);
        clients.forEach((client) => client.end());
        await idle();
      },
      SLOW,
    );

    test(
      "clients of one key wait no longer for another's flood than one turn",
      async () => {
        const KEYS = ["sk-0123456789abcdef", "sk-fedcba9876543210"];
        const keyed = await startServer(runtime, ["--adapter", "echo", "--slots", "1"], { env: { INGLE_KEY: KEYS.join() } });
        try {
          const order: string[] = [];
          const ask = async (key: string, words: number): Promise<void> => {
            const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
            const res = await fetch(`${keyed.url}/v1/chat/completions`, { method: "POST", headers, body: says(words) });
            expect(res.status).toBe(200);
            await res.text();
            order.push(key);
          };
          const flood = Array.from({ length: 61 }, () => ask(KEYS[0]!, 30));
          const headers = { authorization: `Bearer ${KEYS[0]}` };
          await eventually("the flood waits", async () => {
            const { data } = (await (await fetch(`${keyed.url}/v1/ps`, { headers })).json()) as { data: Row[] };
            return (data[0]?.queued ?? 0) >= 40;
          });
          const before = order.length;
          await ask(KEYS[1]!, 1);
          // The turns that end while its request is on its way are not counted against it: one more at most is under way then.
          note("turns before the single one", runtime.name, String(order.indexOf(KEYS[1]!) - before));
          expect(order.indexOf(KEYS[1]!)).toBeLessThanOrEqual(before + 3);
          await Promise.all(flood);
        } finally {
          await keyed.stop("SIGKILL");
        }
      },
      SLOW,
    );

    test(
      `${LEAVERS} clients that leave at a random moment leave nothing behind`,
      async () => {
        await server.stop("SIGKILL");
        server = await startServer(runtime, ["--adapter", "echo", "--slots", "16", "--queue", "24"]);
        const before = await counted(server);
        const crowd = { url: server.url, wide: 60, longest: 40, body: says(30, { stream: true }) };
        // What is allocated once, and the first collections, are no leak.
        await leave({ ...crowd, count: 1_000 });
        await idle();
        const [sockets, bytes] = [openSockets(server.pid), memory(server.pid)];
        const began = performance.now();
        const left = await leave({ ...crowd, count: LEAVERS });
        const seconds = (performance.now() - began) / 1000;
        await idle();
        await eventually("no socket is left", () => openSockets(server.pid) <= sockets);
        expect((await server.chat(JSON.parse(says(3)))).status).toBe(200);
        const grown = (memory(server.pid) - bytes) / MIB;
        const after = await counted(server);
        const phases = ["queue", "prefill", "decode"].map(
          (at) => (after[`cancelled ${at}`] ?? 0) - (before[`cancelled ${at}`] ?? 0),
        );
        note("they left before, amid, after", runtime.name, `${left.before}, ${left.amid}, ${left.rest}`);
        note("cancelled in queue, prefill, decode", runtime.name, phases.join(", "));
        note("took", runtime.name, `${seconds.toFixed(1)} s`);
        note("memory grew by", runtime.name, `${grown.toFixed(1)} MiB`);
        expect(left.before + left.amid + left.rest).toBe(LEAVERS);
        // Which of them they leave in hangs on how fast this machine is.
        expect(phases.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(LEAVERS / 100);
        // Node and Deno swing by some 50 MiB between two collections; a request that stays takes tens of KiB.
        expect(grown).toBeLessThan(64 + (LEAVERS * 16) / 1024);
      },
      SLOW,
    );
  });
}
