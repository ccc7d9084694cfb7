// Whether there is a newer ingle: asked by one command, of one address.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { PROGRAM, run } from "../support/program.ts";

let server: ReturnType<typeof Bun.serve>;
const asked: string[] = [];
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      const [, version] = /^\/v([\d.]+)\/SHA256SUMS$/.exec(pathname) ?? [];
      if (version === undefined) return new Response("no", { status: 404 });
      return new Response(version === "0" ? "nothing of ours\n" : `${"a".repeat(64)}  ingle-${version}.tgz\n`);
    },
  });
});
afterAll(() => server?.stop(true));

const update = (...words: string[]) => run([...PROGRAM, "update", ...words]);
const check = (version: string, ...more: string[]) =>
  update("--check", "--from", `${server.url.origin}/v${version}`, "--allow-private", ...more);
const HERE = `This is ingle ${manifest.version}.`;

describe("ingle update", () => {
  test("says how to, and asks nobody", async () => {
    const { code, stdout } = await update();
    expect([code, stdout]).toEqual([0, expect.stringContaining(`${HERE} Stop the server, run "git pull", and start it again`)]);
    expect(asked).toEqual([]);
  });

  test("with --check tells a newer release from others", async () => {
    for (const newer of ["0.1.10", "0.10.0", "12.0.0"])
      expect((await check(newer)).stdout).toStartWith(`ingle ${newer} is there. ${HERE}`);
    for (const old of [manifest.version, "0.0.9"]) expect((await check(old)).stdout).toMatch(/: nothing newer\.\n$/);
    expect(new Set(asked)).toEqual(
      new Set(["0.1.10", "0.10.0", "12.0.0", manifest.version, "0.0.9"].map((version) => `/v${version}/SHA256SUMS`)),
    );
  });

  test.each([
    ["no address", () => update("--check"), /"--from" is missing/],
    ["a word that is none", () => update("--check", "--from", "here"), /"--from" is "here"/],
    ["what is no release", () => check("0"), /holds no release of ingle/],
    ["an address without one", () => check("x"), /SHA256SUMS answered 404/],
    ["a server that must not ask", () => check("9.0.0", "--offline"), /offline/i],
    ["a private address", () => update("--check", "--from", `${server.url.origin}/v9.0.0`), /--allow-private/],
  ])("refuses %s", async (_, command, says) => {
    const { code, stderr } = await command();
    expect(code).not.toBe(0);
    expect(stderr).toMatch(says);
  });
});
