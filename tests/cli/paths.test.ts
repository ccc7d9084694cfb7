// Every command finds the same folder behind a path, whatever was expanded before it got it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { getuid } from "node:process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LAUNCHER, PROGRAM, run, type RunOptions } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN, startProgram } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const SAYS_HI = ["run", "echo", "hi", "--adapter", "echo"];

let root: string;
beforeAll(() => void (root = realpathSync(mkdtempSync(join(tmpdir(), "ingle-cli-paths-")))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** An empty home and an empty working folder. */
function place() {
  const [home, cwd] = ["home-", "cwd-"].map((name) => mkdtempSync(join(root, name))) as [string, string];
  const env = { HOME: home, XDG_DATA_HOME: "", XDG_CONFIG_HOME: "", XDG_CACHE_HOME: join(home, ".cache") };
  const ingle = (words: string[], options: RunOptions = {}, command = PROGRAM) =>
    run([...command, ...words], { cwd, ...options, env: { ...env, ...options.env } });
  return { home, cwd, env, ingle };
}

/** A data folder of ingle, made by ingle. */
function makeData(path: string): string {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "ingle.json"), '{"format":1}\n');
  return path;
}

for (const { name, command, skip } of runtimes()) {
  describe.skipIf(skip !== undefined)(`on ${name}`, () => {
    const program = [...command, MAIN];

    test(
      "serve makes its folders where ~ and relative paths mean, and shows them",
      async () => {
        const { home, cwd, env } = place();
        const config = join(home, "conf/ingle.json");
        mkdirSync(join(home, "conf"));
        writeFileSync(config, JSON.stringify({ store: { driver: "fs", base: "records" }, models_dir: "~/models" }));
        const given = { cwd, env: { ...env, INGLE_CONFIG: "~/conf/ingle.json" }, data: "~/my ai/" };
        const server = await startProgram(program, ["--adapter", "echo"], given);
        try {
          await server.says(/"message":"serving"/);
          const line = JSON.parse(server.stderr.find((text) => text.includes('"serving"'))!);
          expect(line).toMatchObject({ data: `${home}/my ai`, records: `${home}/conf/records`, models_dir: `${home}/models` });
          const created = await fetch(`${server.url}/v1/threads`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: "{}",
          });
          expect(created.status).toBe(200);
        } finally {
          expect(await server.stop()).toBe(0);
        }
        expect(server.stdout).toContain(`Data folder: ${home}/my ai; records: ${home}/conf/records`);
        expect(readdirSync(join(home, "conf/records/threads"))).toHaveLength(1);
        expect(existsSync(join(home, "my ai/ingle.json"))).toBe(true);
        expect(readdirSync(cwd)).toEqual([]);
      },
      SLOW,
    );

    test(
      "F-72: commands stop where a data folder lies at the path as it was read, and none at the new place",
      async () => {
        const { home, cwd, ingle } = place();
        makeData(join(cwd, "~/ai"));
        const says = `"~/ai". Earlier versions, started in ${cwd}, read that as ${cwd}/~/ai, where a data folder lies; now it is ${home}/ai, where none lies.`;
        for (const words of [["list"], ["serve", "--port", "0"], ["check"], ["import", "."], SAYS_HI, ["pull"], ["service"]]) {
          const { code, stdout, stderr } = await ingle([...words, "--data=~/ai"], {}, program);
          expect({ words, code, stdout, stderr }).toEqual({ words, code: 2, stdout: "", stderr: expect.stringContaining(says) });
        }
        const { code, stdout } = await ingle(["doctor", "--data=~/ai"], {}, program);
        expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining(says) });
        const inEnvironment = await ingle(["list"], { env: { INGLE_DATA: "~/ai" } }, program);
        const [, remedy = ""] = /write "(INGLE_DATA=\S+)"/.exec(inEnvironment.stderr) ?? [];
        expect(await run(["sh", "-c", `${remedy} "$@"`, "sh", ...program, "check"], { cwd })).toMatchObject({ code: 0 });
        expect(existsSync(join(home, "ai"))).toBe(false);
      },
      SLOW,
    );
  });
}

describe("each command reads the same path", () => {
  const AI = (home: string): [words: string[], says: string][] => [
    [["check"], `${home}/ai is not a data folder of ingle.`],
    [["doctor"], `${home}/ai is made at the first start`],
    [["service"], `--data=${home}/ai`],
  ];
  test(
    "in a flag, in the environment, in a configuration file",
    async () => {
      const { home, cwd, ingle } = place();
      writeFileSync(join(home, "c.json"), '{"data":"ai"}');
      for (const [words, says] of AI(home)) {
        for (const [more, env] of [
          [["--data", "~/ai"], {}],
          [["--data", `../${home.split("/").at(-1)}/ai/`], {}],
          [["--config", "~/c.json"], {}],
          ...(words[0] === "service" ? [] : [[[], { INGLE_DATA: "~/ai" }] as [string[], object]]),
        ] as [string[], Record<string, string>][]) {
          const { stdout, stderr } = await ingle([...words, ...more], { env });
          expect(stdout + stderr).toContain(says);
        }
      }
      expect(readdirSync(cwd)).toEqual([]);
    },
    SLOW,
  );

  test("paths among the words: a model, an old folder, a file of secrets", async () => {
    const { home, cwd, ingle } = place();
    writeFileSync(join(home, "mine.gguf"), tinyGguf());
    mkdirSync(join(home, "jan/threads"), { recursive: true });
    expect(await ingle(["pull", "~/mine.gguf", "--data", "~/ai"])).toEqual({ code: 0, stdout: "mine is there.\n", stderr: "" });
    const imported = await ingle(["import", "~/jan", "--data", "~/ai"]);
    expect(imported).toMatchObject({ stderr: "", stdout: expect.stringContaining("taken from the folder of Jan") });
    for (const [words, name] of [
      [["pull", "~bob/mine.gguf"], "MODEL"],
      [["import", "~bob/jan"], "FOLDER"],
      [["import", ""], "FOLDER"],
      [["service", "--secrets=~bob/x"], "--secrets"],
    ] as const) {
      const { code, stdout, stderr } = await ingle([...words, "--data", "~/ai"]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toStartWith(`${name} is "`);
    }
    expect((await ingle(["service", "--secrets=~/s.env"])).stdout).toContain(`${home}/s.env`);
    expect(readdirSync(cwd)).toEqual([]);
  }, 120_000);

  test("a cache in ~ lies in the home folder", async () => {
    const { home, cwd, ingle } = place();
    const env = { XDG_CACHE_HOME: "~/cache", XDG_CONFIG_HOME: "~/conf" };
    const { stdout } = await ingle(["doctor"], { env }, LAUNCHER);
    expect(stdout).toContain(`${home}/cache/ingle`);
    const unit = (await ingle(["service"], { env }, LAUNCHER)).stdout;
    expect(unit).toContain(`Environment=XDG_CACHE_HOME=${home}/cache\n`);
    expect(unit).toContain(`${home}/conf/ingle/service.env`);
    mkdirSync(join(home, "conf/ingle"), { recursive: true });
    writeFileSync(join(home, "conf/ingle/config.json"), '{"data":"ai"}');
    expect((await ingle(["check"], { env }, LAUNCHER)).stderr).toBe(`${home}/conf/ingle/ai is not a data folder of ingle.\n`);
    const node = runtimes().find(({ name }) => name === "node");
    if (node?.skip === undefined) await ingle(["--version"], { env: { ...env, INGLE_RUNTIME: "node" } }, LAUNCHER);
    await ingle(["--version"], { env: { ...env, XDG_CACHE_HOME: "" } }, LAUNCHER);
    expect(readdirSync(cwd)).toEqual([]);
  }, 120_000);

  test.each(["bun", "node", "deno"])("a relative cache is refused on %s, and nothing is made in it", async (name) => {
    if (runtimes().find((runtime) => runtime.name === name)?.skip !== undefined) return;
    const { cwd, ingle } = place();
    const { code, stderr } = await ingle(["list"], { env: { XDG_CACHE_HOME: "cache", INGLE_RUNTIME: name } }, LAUNCHER);
    expect([code, stderr]).toEqual([2, expect.stringContaining('XDG_CACHE_HOME is "cache"')]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("an empty HOME is none, on every runtime", async () => {
    const { cwd } = place();
    const env = { HOME: "", XDG_DATA_HOME: "", XDG_CACHE_HOME: cwd };
    // Bun says what HOME says, and Node what the account has.
    const home = spawnSync("node", ["-p", "os.userInfo().homedir"], { encoding: "utf8" }).stdout.trim();
    const data = join(home, ".local/share/ingle");
    for (const { command, skip } of runtimes()) {
      if (skip !== undefined) continue;
      expect((await run([...command, MAIN, "service"], { cwd, env })).stdout).toContain(`--data=${data}`);
    }
    // On Node it was a name in the working folder. Nothing is said where the new place is in use.
    if (existsSync(data)) return;
    makeData(join(cwd, ".local/share/ingle"));
    const node = runtimes().find(({ name }) => name === "node")!;
    if (node.skip !== undefined) return;
    const { code, stderr } = await run([...node.command, MAIN, "list"], { cwd, env });
    expect([code, stderr]).toEqual([2, expect.stringContaining(`read that as ${cwd}/.local/share/ingle`)]);
  }, 120_000);

  const stranger = ["/usr/bin/setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];
  const [setpriv = "", ...identity] = stranger;
  // The folders above this clone may be closed to others.
  const as_stranger = getuid?.() === 0 && spawnSync(setpriv, [...identity, "test", "-r", MAIN]).status === 0;
  test.skipIf(!as_stranger)(
    `an account without a home folder can serve and is told what to set${as_stranger ? "" : " (it takes root, setpriv, and a clone that others may read)"}`,
    async () => {
      const cwd = mkdtempSync("/tmp/ingle-stranger-");
      chmodSync(cwd, 0o777);
      const unset = ["XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"].flatMap((name) => ["-u", name]);
      for (const { name, skip } of runtimes()) {
        if (skip !== undefined) continue;
        const command = [...stranger, "env", "-u", "HOME", ...unset, `INGLE_RUNTIME=${name}`, ...LAUNCHER];
        const server = await startProgram(command, ["--adapter", "echo"], { cwd, data: join(cwd, name) });
        expect(await server.stop()).toBe(0);
        const [program = "", ...words] = command;
        const { code, stderr } = await run([program, ...words, "serve", "--port", "0"], { cwd });
        expect({ name, code, stderr }).toEqual({
          name,
          code: 1,
          stderr: expect.stringMatching(/^The data folder \S+ cannot be used: .* --data\.\n$/),
        });
      }
      rmSync(cwd, { recursive: true });
    },
    SLOW,
  );

  test("F-72: the configuration file of a service that was started in the home folder", async () => {
    const { home, cwd, ingle } = place();
    mkdirSync(join(home, ".config/ingle"), { recursive: true });
    writeFileSync(join(home, ".config/ingle/config.json"), '{"data":"ai"}');
    makeData(join(home, "ai"));
    const { code, stderr } = await ingle(["list"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`started in ${home}, read that as ${home}/ai`)]);
    const [, written = ""] = /To go on with it, write ("data": "[^"]+")/.exec(stderr) ?? [];
    writeFileSync(join(home, ".config/ingle/config.json"), `{${written}}`);
    expect((await ingle(["check"])).code).toBe(0);
    expect(readdirSync(cwd)).toEqual([]);
  }, 120_000);

  test("a path that is a file is one sentence", async () => {
    const { home, ingle } = place();
    writeFileSync(join(home, "file"), "");
    for (const words of [["list"], ["serve", "--port", "0"], SAYS_HI]) {
      const { code, stderr } = await ingle([...words, "--data", "~/file"]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining(`${home}/file cannot be used: it is not a folder.`),
      });
    }
  }, 120_000);
});

describe("npm, which starts a script in the folder of its package", () => {
  /** A clone, as far as the launcher looks at it: it runs our own sources. */
  function clone() {
    const folder = mkdtempSync(join(root, "clone-"));
    mkdirSync(join(folder, "docs"));
    const source = join(import.meta.dirname, "../..");
    cpSync(join(source, "src"), join(folder, "src"), { recursive: true });
    for (const name of ["adapters", "models", "deno.json", "package.json"])
      cpSync(join(source, name), join(folder, name), { recursive: true });
    symlinkSync(join(source, "node_modules"), join(folder, "node_modules"));
    return folder;
  }
  const npm = (folder: string, cwd: string, words: string[]) =>
    run(["npm", "--prefix", folder, "run", "--silent", "ingle", "--", ...words], { cwd, env: {} });

  test("paths count from the folder in which they were typed", async () => {
    const folder = clone();
    const { cwd } = place();
    expect((await npm(folder, cwd, ["check", "--data", "ai"])).stderr).toBe(`${cwd}/ai is not a data folder of ingle.\n`);
    makeData(join(folder, "ai"));
    const { code, stderr } = await npm(folder, cwd, ["check", "--data", "ai"]);
    expect(code).toBe(2);
    expect(stderr).toContain(`read that as ${folder}/ai, where a data folder lies; now it is ${cwd}/ai, where none lies.`);
    expect((await npm(folder, folder, ["check", "--data", "ai"])).code).toBe(0);
  }, 120_000);
});
