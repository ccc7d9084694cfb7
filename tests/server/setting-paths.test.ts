// Which path a setting means: `~`, what a relative one counts from, and what lay where an earlier ingle read it.
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { openIngle } from "../../src/server/open-ingle.ts";
import { configOf, readConfig } from "../../src/server/read-config.ts";
import { withAbsolutePaths } from "../../src/server/setting-paths.ts";
import { run } from "../support/program.ts";

const folder = (): string => realpathSync(mkdtempSync(join(tmpdir(), "ingle-paths-")));
const HOME = homedir();

function configFile(settings: object): string {
  const path = join(folder(), "settings.json");
  writeFileSync(path, JSON.stringify(settings));
  return path;
}
const EMPTY = configFile({});
const read = (flags: object, env: Record<string, string> = {}): Record<string, unknown> => ({
  ...readConfig({ config: EMPTY, ...flags }, env),
});

// The name of a setting, and how its value is written around a path.
const PATHS: [name: string, around: (path: string) => unknown][] = [
  ["data", (path) => path],
  ["llama_server", (path) => path],
  ["models_dir", (path) => path],
  ["store", (path) => `fs:${path}`],
  ["store", (path) => `fs-lite:${path}`],
];
const ONLY_IN_FILES: typeof PATHS = [
  ["store", (base) => ({ driver: "fs", base })],
  ["store", (base) => ({ driver: "fsLite", base })],
  ["store", (path) => ({ driver: "deno-kv", path })],
];

describe("a path in a setting", () => {
  const FORMS: [text: string, fromFolder: (folder: string) => string][] = [
    ["~/ai", () => join(HOME, "ai")],
    ["~", () => HOME],
    ["~//ai/", () => join(HOME, "ai")],
    ["ai", (from) => join(from, "ai")],
    ["./a b/../ai/", (from) => join(from, "ai")],
    ["../ai", (from) => join(dirname(from), "ai")],
    ["/srv/~/ai", () => "/srv/~/ai"],
    ["./~", (from) => join(from, "~")],
    ["a~", (from) => join(from, "a~")],
  ];
  test.each(PATHS)("%s: the command line and the environment count from the working folder", (name, around) => {
    for (const [text, meant] of FORMS) {
      const expected = around(meant(resolve()));
      expect(read({ [name]: around(text) })[name]).toEqual(expected);
      expect(read({}, { [`INGLE_${name.toUpperCase()}`]: around(text) as string })[name]).toEqual(expected);
    }
  });
  test.each([...PATHS, ...ONLY_IN_FILES])("%s: the configuration file counts from its own folder", (name, around) => {
    for (const [text, meant] of FORMS) {
      const config = configFile({ [name]: around(text) });
      expect(read({ config })[name]).toEqual(around(meant(dirname(config))));
    }
  });
  test("the name of a program that is on the PATH is that program, else a file as any other", () => {
    const sh = read({ llama_server: "sh" })["llama_server"];
    expect(sh).toMatch(/^\/.*\/sh$/);
    expect(configOf({ data: "/srv/ai", llama_server: "sh" }).llama_server).toBe(sh as string);
    expect(read({ llama_server: "no-such-program" })["llama_server"]).toBe(resolve("no-such-program"));
    expect(read({ llama_server: "./sh" })["llama_server"]).toBe(resolve("sh"));
  });
  test("what is no path is left alone", () => {
    for (const store of ["memory", "redis://~/x", { driver: "redis", base: "~" }, { driver: "deno-kv", path: ":memory:" }])
      expect(read({ config: configFile({ store }) }).store).toEqual(store);
  });
  test("the options of the package count from the working folder", () => {
    expect(configOf({ data: "~/ai", models_dir: "m", store: "fs:~/r" })).toMatchObject({
      data: join(HOME, "ai"),
      models_dir: resolve("m"),
      store: `fs:${join(HOME, "r")}`,
    });
  });
  test("the folder of XDG_DATA_HOME may begin with ~ too", () => {
    expect(read({}, { XDG_DATA_HOME: "~/share" }).data).toBe(join(HOME, "share/ingle"));
  });
  test("a relative folder in a variable of the platform is refused, where it would be used", () => {
    const says = (name: string) => `${name} is "share/". It has to be an absolute path, as a relative one is another folder`;
    expect(() => read({}, { XDG_DATA_HOME: "share/" })).toThrow(
      `${says("XDG_DATA_HOME")} wherever ingle is started. Write "${resolve("share")}", or leave the variable out.`,
    );
    expect(() => read({}, { XDG_CACHE_HOME: "share/" })).toThrow(says("XDG_CACHE_HOME"));
    expect(() => readConfig({}, { XDG_CONFIG_HOME: "share/" })).toThrow(says("XDG_CONFIG_HOME"));
    expect(read({ data: "/srv/ai" }, { XDG_DATA_HOME: "share/" }).data).toBe("/srv/ai");
    expect(read({}, { XDG_DATA_HOME: resolve("share") }).data).toBe(resolve("share/ingle"));
  });
  test("the configuration file itself", () => {
    const config = configFile({ port: 7 });
    expect(read({ config: relative(resolve(), config) }).port).toBe(7);
    expect(() => read({ config: "~/no-such-file.json" })).toThrow(`${HOME}/no-such-file.json cannot be read`);
    expect(() => readConfig({}, { INGLE_CONFIG: "~/no-such-file.json" })).toThrow(`${HOME}/no-such-file.json cannot be read`);
  });
});

describe("what only a shell could read is refused", () => {
  const BAD: [text: string, reason: string][] = [
    ["~bob/ai", "The home folder of another user is not looked up."],
    ["~bob", "The home folder of another user is not looked up."],
    ["~+/ai", "The home folder of another user is not looked up."],
    ["$HOME/ai", "No shell has put in the value of that variable."],
    ["${HOME}/ai", "No shell has put in the value of that variable."],
    ["%USERPROFILE%/ai", "No shell has put in the value of that variable."],
    ['"/srv/ai"', "The quotation marks are a part of it."],
    ["'~/ai'", "The quotation marks are a part of it."],
    ["file:///srv/ai", "It is an address."],
    ["/srv/ai\r", "It holds a control character"],
    ["  ", "It names nothing."],
  ];
  test.each(BAD)("%j", (text, reason) => {
    for (const [name, around] of PATHS) {
      const flag = `--${name.replaceAll("_", "-")}`;
      const says = (where: string) => `${where} is ${JSON.stringify(text)}. ${reason}`;
      expect(() => read({ [name]: around(text) })).toThrow(says(flag));
      const variable = `INGLE_${name.toUpperCase()}`;
      expect(() => read({}, { [variable]: around(text) as string })).toThrow(says(variable));
      const config = configFile({ [name]: around(text) });
      expect(() => read({ config })).toThrow(says(`"${name}" in ${config}`));
      expect(() => configOf({ data: "/srv/ai", [name]: around(text) })).toThrow(says(`"${name}"`));
    }
    expect(() => read({ config: text })).toThrow(`--config is ${JSON.stringify(text)}. ${reason}`);
    expect(() => read({}, { XDG_CACHE_HOME: text })).toThrow(`XDG_CACHE_HOME is ${JSON.stringify(text)}. ${reason}`);
  });
  test("and ./ before it means that very name", () => {
    expect(read({ data: "./$HOME/ai" }).data).toBe(resolve("$HOME/ai"));
    expect(read({ data: "./~bob" }).data).toBe(resolve("~bob"));
  });
  test("by the package too", async () => {
    await expect(openIngle({ data: "~bob/ai" })).rejects.toThrow('"data" is "~bob/ai". The home folder of another user');
  });
});

describe("F-72: where an earlier ingle read another path", () => {
  const write = (value: string): string => `"set it to ${value}"`;
  /** The settings as they are read now; `cwd` is the working folder, `base` what relative paths count from. */
  function readIn(cwd: string, base: string, settings: { data: string; store?: string | { driver: string; base: string } }) {
    const originOf = (name: string) => ({ name: `"${name}"`, folder: base, write });
    return withAbsolutePaths({ store: "fs-durable", ...settings }, originOf, { working_folders: [cwd] });
  }
  function refusal(...args: Parameters<typeof readIn>): string {
    try {
      readIn(...args);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("It was accepted.");
  }
  const withData = (path: string): string => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "ingle.json"), '{"format":1}\n');
    return path;
  };

  test("a data folder there and none at the new place: it says so, and what it says works", async () => {
    for (const prepare of [() => {}, (path: string) => mkdirSync(path, { recursive: true })]) {
      const [cwd, base] = [folder(), folder()];
      withData(join(cwd, "my ai"));
      prepare(join(base, "my ai"));
      const says = refusal(cwd, base, { data: "my ai" });
      expect(says).toStartWith(
        `"data" is "my ai". Earlier versions, started in ${cwd}, read that as ${cwd}/my ai, where a data folder lies; now it is ${base}/my ai, where none lies.`,
      );
      expect(says).toContain(`To go on with it, write "set it to ${cwd}/my ai"`);
      expect(readIn(cwd, base, { data: `${cwd}/my ai` }).data).toBe(`${cwd}/my ai`);
      expect(says).toContain(`For a new one at the new place, write "set it to ${base}/my ai".`);
      expect(readIn(cwd, base, { data: `${base}/my ai` }).data).toBe(`${base}/my ai`);
      const [, command = ""] = /with "(.*? mv .*?)"|with "(mv .*?)"/.exec(says)?.filter(Boolean) ?? [];
      expect(await run(["sh", "-c", command])).toEqual({ code: 0, stdout: "", stderr: "" });
      expect(readIn(cwd, base, { data: "my ai" }).data).toBe(`${base}/my ai`);
      expect(await Bun.file(join(base, "my ai/ingle.json")).exists()).toBe(true);
    }
  });
  test("the folder above the new place is made where it is not there, and nothing is moved into what is", () => {
    const [cwd, base] = [folder(), folder()];
    withData(join(cwd, "a/b"));
    expect(refusal(cwd, base, { data: "a/b" })).toContain(`with "mkdir -p ${base}/a && mv ${cwd}/a/b ${base}/a/b"`);
    mkdirSync(join(base, "a/b/other"), { recursive: true });
    expect(refusal(cwd, base, { data: "a/b" })).not.toContain("mv ");
  });
  test("a folder with the literal name ~", () => {
    const cwd = folder();
    withData(join(cwd, "~/no-such-folder-of-ingle"));
    const says = refusal(cwd, cwd, { data: "~/no-such-folder-of-ingle" });
    expect(says).toContain(`read that as ${cwd}/~/no-such-folder-of-ingle`);
    expect(says).toContain(`now it is ${HOME}/no-such-folder-of-ingle`);
  });
  test("a relative path of a file is looked for also where service managers start a server", () => {
    const [home, base] = [folder(), folder()];
    withData(join(home, "ai"));
    const originOf = (name: string) => ({ name: `"${name}"`, folder: base, service_folders: [home], write });
    const readAs = (data: string) =>
      withAbsolutePaths({ store: "fs-durable", data }, originOf, { working_folders: [folder()] }).data;
    expect(() => readAs("ai")).toThrow(
      `Earlier versions, started in ${home}, read that as ${home}/ai, where a data folder lies;`,
    );
    expect(readAs("other")).toBe(join(base, "other"));
  });
  test("a data folder at both places, or at none: the new one counts", () => {
    const [cwd, base] = [folder(), folder()];
    expect(readIn(cwd, base, { data: "ai" }).data).toBe(join(base, "ai"));
    withData(join(cwd, "ai"));
    withData(join(base, "ai"));
    expect(readIn(cwd, base, { data: "ai" }).data).toBe(join(base, "ai"));
  });
  test("a folder that is no data folder is in nobody's way", () => {
    const [cwd, base] = [folder(), folder()];
    mkdirSync(join(cwd, "ai/models"), { recursive: true });
    writeFileSync(join(cwd, "ai/train.py"), "");
    expect(readIn(cwd, base, { data: "ai" }).data).toBe(join(base, "ai"));
  });
  test("the records of a store in files", () => {
    const [cwd, base] = [folder(), folder()];
    mkdirSync(join(cwd, "records/threads"), { recursive: true });
    const data = join(base, "data");
    for (const [store, kept] of [
      ["fs:records", `set it to fs:${cwd}/records`],
      [{ driver: "fs", base: "records" }, `set it to {"driver":"fs","base":"${cwd}/records"}`],
    ] as const) {
      const says = refusal(cwd, base, { data, store });
      expect(says).toStartWith(
        `"store" is "records". Earlier versions, started in ${cwd}, read that as ${cwd}/records, where a store lies;`,
      );
      expect(says).toContain(kept);
    }
  });
});
