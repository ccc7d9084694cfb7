// Requests to servers of this machine, where the environment names a proxy: their keys and prompts are for nobody else.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";

const asked: Record<string, string[]> = { proxy: [], server: [] };
const listener = (name: string, answer: string) =>
  createServer((request, response) => {
    asked[name]!.push(request.url!);
    response.end(answer);
  });
const proxy = listener("proxy", '{"from": "the proxy"}');
const server = listener("server", '{"from": "the server"}');
const originOf = (listener: typeof server): string => `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;

beforeAll(async () => {
  for (const each of [proxy, server]) await new Promise<void>((resolve) => void each.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  for (const each of [proxy, server]) each.close();
});

for (const { name, command, skip } of runtimes()) {
  test.skipIf(skip !== undefined)(`no request to this machine goes through a proxy, on ${name}`, async () => {
    asked.server!.length = 0;
    const names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    const env = { ...Object.fromEntries(names.map((name) => [name, originOf(proxy)])), NODE_USE_ENV_PROXY: "1" };
    const script = join(import.meta.dirname, "../support/direct-requests.ts");
    const { stdout } = await run([...command, script, originOf(server)], { env });
    const from = "the server";
    expect(JSON.parse(stdout)).toEqual({ direct: { from }, engine: { from }, upstream: 200 });
    expect(asked).toEqual({ proxy: [], server: ["/direct", "/engine", "/upstream"] });
  });
}
