// How ingle was called, which its remedies say: as a pure function, and as people call it.
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { invocationOf } from "../../src/launch/invocation.mjs";
import { PROGRAM, run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";

const ROOT = join(import.meta.dirname, "../..");
const SLOW = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ingle-invocation-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const npm = (event: string, more: object = {}) => ({
  npm_config_user_agent: "npm/11.0.0 node/v20.0.0 linux x64",
  npm_lifecycle_event: event,
  npm_package_json: "/clone/package.json",
  npm_package_name: "ingle",
  ...more,
});
const other = (agent: string) => ({ npm_config_user_agent: `${agent}/1.0 npm/? node/v20.0.0 linux x64` });

describe("the words before a command", () => {
  test.each<[called: string, env: Record<string, string>, program: string, script: string | undefined]>([
    ["npx ingle", npm("npx"), "/usr/bin/node", "/clone/node_modules/.bin/ingle"],
    [
      "npx ingle",
      npm("npx", { npm_package_json: "/x/package.json" }),
      "/usr/bin/node",
      "/home/a/.npm/_npx/1/node_modules/.bin/ingle",
    ],
    ["npx ingle", npm("start"), "/usr/bin/node", "/clone/src/ingle.mjs"],
    ["npm run ingle --", npm("ingle"), "/usr/bin/node", "/clone/src/ingle.mjs"],
    ["npx ingle", npm("ai", { npm_package_name: "shop" }), "/usr/bin/node", "/clone/node_modules/.bin/ingle"],
    [
      "pnpm exec ingle",
      npm("ai", { npm_package_name: "shop", ...other("pnpm") }),
      "/usr/bin/node",
      "/clone/node_modules/.bin/ingle",
    ],
    ["yarn ingle", npm("ai", { npm_package_name: "shop", ...other("yarn") }), "/usr/bin/node", "/clone/node_modules/.bin/ingle"],
    ["bun run ingle", npm("ingle", other("bun")), "/usr/bin/node", "/clone/src/ingle.mjs"],
    ["deno task ingle", other("deno"), "/usr/bin/deno", "/clone/src/main.ts"],
    // What a script of another package calls is what its own shell would find.
    ["ingle", npm("ai"), "/usr/bin/node", "/usr/local/bin/ingle"],
    ["npx ingle", {}, "/usr/bin/node", "/shop/node_modules/.bin/ingle"],
    ["ingle", {}, "/usr/bin/node", "/usr/lib/node_modules/ingle/src/bin.mjs"],
    ["node src/ingle.mjs", {}, "/usr/bin/node", "/clone/src/ingle.mjs"],
    ["bun run src/main.ts", {}, "/usr/bin/bun", "/clone/src/main.ts"],
    ["deno run -A src/main.ts", {}, "/usr/bin/deno", "/clone/src/main.ts"],
    ["node /other/src/ingle.mjs", {}, "/usr/bin/node", "/other/src/ingle.mjs"],
    ["dist/ingle", {}, "/clone/dist/ingle", undefined],
    ["./ingle", {}, "/clone/ingle", undefined],
    ["/opt/ingle", {}, "/opt/ingle", undefined],
    ["'/opt/my apps/ingle'", {}, "/opt/my apps/ingle", undefined],
    ["ingle", { PATH: "/bin:/opt" }, "/opt/ingle", undefined],
    ["docker exec it ingle", { INGLE_CALLED_AS: "docker exec it ingle" }, "/opt/ingle", undefined],
  ])("%s", (called, env, program, script) => {
    expect(invocationOf({ env, program, script, cwd: "/clone" })).toBe(called);
  });
});

describe("a remedy", () => {
  /** Without what these tests say of the invocation, and what their own runner has left. */
  const clean = { INGLE_CALLED_AS: "", npm_lifecycle_event: "", npm_config_user_agent: "", npm_package_json: "", INIT_CWD: "" };
  const refusal = async (command: string[], cwd = ROOT) =>
    (await run([...command, "rm"], { cwd, env: { ...clean, INGLE_DATA: folder } })).stderr;
  const missing = (called: string): string =>
    `Missing required positional argument: ID. "${called} rm --help" says what it takes.\n`;
  const deno = runtimes().find(({ name }) => name === "deno")!;

  test(
    "says how npm, npx and the launcher were called",
    async () => {
      expect(await refusal(["npm", "run", "--silent", "ingle", "--"])).toBe(missing("npm run ingle --"));
      expect(await refusal(["npx", "ingle"])).toBe(missing("npx ingle"));
      expect(await refusal(["node", "src/ingle.mjs"])).toBe(missing("node src/ingle.mjs"));
    },
    SLOW,
  );

  test(
    "says how a command on the PATH was called, and the sources",
    async () => {
      symlinkSync(join(ROOT, "src/bin.mjs"), join(folder, "ingle"));
      expect(await refusal([join(folder, "ingle")], folder)).toBe(missing("ingle"));
      expect(await refusal(PROGRAM)).toBe(missing("bun run src/main.ts"));
    },
    SLOW,
  );

  test.skipIf(deno.skip !== undefined)(
    "says how a task of Deno was called",
    async () => {
      // Deno says it is the one that calls only where no other has said so.
      const alone = ["env", "-u", "npm_config_user_agent", deno.command[0]!];
      expect(await refusal([...alone, "task", "--quiet", "ingle"])).toBe(missing("deno task ingle"));
      const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
      expect(tasks.serve).toBe(`${tasks.ingle} serve`);
    },
    SLOW,
  );

  test(
    "needs no working folder: that of the terminal may have been removed",
    async () => {
      for (const command of [["node", join(ROOT, "src/ingle.mjs")], PROGRAM]) {
        const line = `mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@" rm`;
        const gone = ["bash", "-c", line, join(folder, "gone"), ...command];
        const { stderr } = await run(gone, { env: { ...clean, INGLE_DATA: folder } });
        expect(stderr).toContain("Missing required positional argument: ID.");
      }
    },
    SLOW,
  );

  test(
    "of another room is in these words too, and the words of a person stay",
    async () => {
      const env = { ...clean, INGLE_DATA: folder, INGLE_CALLED_AS: "npx ingle" };
      const { stderr } = await run([...PROGRAM, "run", "an ingle run", "hi"], { env });
      expect(stderr).toContain('Model "an ingle run" is not installed.');
      expect(stderr).toContain('"npx ingle list --catalog" what can be pulled.');
    },
    SLOW,
  );
});
