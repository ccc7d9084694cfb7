// What of the Dockerfile can be tried without a container: its settings, its user, its health check.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { SETTING_NAMES } from "../../src/server/settings.ts";
import { run, RUNTIME } from "../support/program.ts";
import { startServer, type Server } from "../support/server.ts";

const TEXT = (await Bun.file(join(import.meta.dirname, "../../tools/package/Dockerfile")).text()).replaceAll("\\\n", " ");
const value = (word: string): string => RegExp(`^${word} (.*)$`, "m").exec(TEXT)![1]!;
const health = JSON.parse(/HEALTHCHECK .*CMD (\[.*\])$/m.exec(TEXT)![1]!) as string[];

let server: Server;
beforeAll(async () => void (server = await startServer(RUNTIME, ["--adapter", "echo", "--key", "0123456789abcdef"])));
afterAll(() => server?.stop());

test("its variables are settings", () => {
  const named = [...value("ENV").matchAll(/\bINGLE_(\w+)=/g)].map(([, name = ""]) => name.toLowerCase());
  expect(named.filter((name) => name !== "called_as" && !(SETTING_NAMES as readonly string[]).includes(name))).toEqual([]);
  expect(named).toEqual(expect.arrayContaining(["data", "host", "port"]));
});

test("it runs as a user of its own, and keeps its data in a volume", () => {
  expect(value("USER")).toBe("ingle");
  expect(value("ENV")).toContain(`INGLE_DATA=${value("VOLUME")} `);
  expect(value("EXPOSE")).toBe(/INGLE_PORT=(\d+)/.exec(value("ENV"))![1]!);
});

test.skipIf(process.platform === "win32")(
  "its health check needs no key, and tells a server that answers from none",
  async () => {
    const check = (port: string) => run(health, { env: { INGLE_PORT: port } });
    expect((await check(new URL(server.url).port)).code).toBe(0);
    expect((await check("1")).code).not.toBe(0);
  },
);
