// The command line: what its words do, and what it says to wrong ones.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { withLibrary } from "../support/library.ts";
import { folderWithModel } from "../support/real-model.ts";
import { LAUNCHER, PROGRAM, run, RUNTIME, type RunOptions } from "../support/program.ts";
import { record } from "../support/record.ts";
import { startServer } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 300_000;
const COMMANDS = ["serve", "run", "pull", "list", "show", "set", "ps", "rm", "check", "import", "doctor", "service"];

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "ingle-cli-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** With the data folder of this file, unless the words name another. */
const ingle = (words: string[], { env, ...options }: RunOptions = {}, command = PROGRAM) =>
  run([...command, ...words], { ...options, env: { INGLE_DATA: folder, ...env } });
const inTime = (name: string, run: () => Promise<void>) => test(name, run, SLOW);

/** One line, one sentence or a few, and neither a stack nor an error's class. */
const SENTENCE = /^[^\n]+[.]\n$/;
async function expectRefusal(words: string[], code: number, says: string | RegExp, options: RunOptions = {}): Promise<void> {
  const ended = await ingle(words, options);
  expect(ended).toEqual({ code, stdout: "", stderr: expect.stringMatching(SENTENCE) });
  expect(ended.stderr).toMatch(says);
  expect(ended.stderr).not.toMatch(/\bat .*:\d+|Error:/);
}

for (const [name, command] of Object.entries({ "the launcher on the machine's own Node": LAUNCHER, "the program": PROGRAM })) {
  describe(name, () => {
    const of = (words: string[], stdin = "") => ingle(words, { stdin }, command);

    inTime("prints its version", async () => {
      expect(await of(["--version"])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
    });
    inTime("lists its commands, in plain text where its output is a pipe", async () => {
      const { code, stdout, stderr } = await of(["--help"]);
      expect([code, stderr]).toEqual([0, ""]);
      for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ +${command}(, ls)? +[A-Z].*\\.`, "m"));
      expect(stdout).not.toContain("engine-host");
      expect(stdout).toBe(stripVTControlCharacters(stdout));
      expect(await of([])).toEqual({ code, stdout, stderr });
    });
    inTime("hands on an exit code, and what it reads and prints", async () => {
      expect((await of(["nope"])).code).toBe(2);
      const { code, stdout } = await of(["run", "echo", "--adapter", "echo"], "from a pipe\n");
      expect({ code, stdout }).toEqual({ code: 0, stdout: "from a pipe\n" });
    });
  });
}

describe("words that are wrong", () => {
  for (const command of COMMANDS) {
    inTime(`${command} --help lists its options, and ${command} --nope is refused`, async () => {
      const help = await ingle([command, "--help"]);
      expect(help).toEqual({ code: 0, stderr: "", stdout: expect.stringContaining(`Usage: ingle ${command}`) });
      expect(help.stdout).toContain("--data=");
      await expectRefusal([command, "--nope"], 2, `"--nope" is not an option of "ingle ${command}"`);
    });
  }
  inTime("an unknown command", () =>
    expectRefusal(["srve"], 2, '"srve" is not a command of ingle. Did you mean "serve"? "ingle --help" lists them.'),
  );
  inTime("a value for a switch, which is not to be taken for the switch itself", async () => {
    await expectRefusal(["serve", "--insecure-no-auth=no"], 2, '"--insecure-no-auth" is a switch. Leave out "=no".');
    await expectRefusal(["serve", "--offline="], 2, '"--offline" is a switch.');
    await expectRefusal(["serve", "--no-init=true"], 2, '"--no-init" is a switch.');
  });
  inTime("an option without its value", async () => {
    await expectRefusal(["serve", "--port"], 2, '"--port" needs a value');
    await expectRefusal(["serve", "--port", "--pull"], 2, '"--port" needs a value');
  });
  inTime("a value that cannot be", async () => {
    await expectRefusal(["serve", "--port", "abc"], 2, "--port is");
    await expectRefusal(["serve", "--slots=0"], 2, "--slots is");
    await expectRefusal(["run", "echo", "hi", "--adapter", "nope"], 2, "--adapter is");
    await expectRefusal(["run", "echo", "hi", "--adapter", "echo", "--temperature", "3"], 1, '"temperature" is 3.');
  });
  inTime("a word too few, and one too many", async () => {
    const { code, stderr } = await ingle(["rm"]);
    expect([code, stderr]).toEqual([2, `Missing required positional argument: ID. "ingle rm --help" says what it takes.\n`]);
    await expectRefusal(["run", "echo", "hello", "world"], 2, 'with "world"');
    await expectRefusal(["serve", "tiny"], 2, 'with "tiny"');
  });
  inTime("an empty word where something is to be named", async () => {
    for (const [words, name] of [
      [["show", ""], "ID"],
      [["rm", ""], "ID"],
      [["pull", ""], "MODEL"],
      [["run", "", "hi"], "MODEL"],
      [["import", "--json", ""], "FOLDER"],
    ] as const)
      await expectRefusal([...words], 2, `${name} is "". It names nothing.`);
  });
  inTime("a model that is not there", async () => {
    await expectRefusal(["run", "nope", "hi"], 1, 'Model "nope" is not installed.');
    await expectRefusal(["rm", "nope"], 1, 'Model "nope" is not installed.');
    await expectRefusal(["pull", "nope"], 1, 'Model "nope" is not in the catalogue.');
    await expectRefusal(["serve", "--port", "0", "--model", "nope"], 1, 'Model "nope" is not installed.');
  });
  inTime("a list of keys without a key, which would let everybody in", async () => {
    for (const words of [["--key", ""], ["--key="], ["--key", ","]])
      await expectRefusal(["serve", "--port", "0", ...words], 2, "--key holds no key.");
    await expectRefusal(["serve", "--port", "0"], 2, "INGLE_KEY holds no key.", { env: { INGLE_KEY: "," } });
  });
  inTime("--init overrules the environment, as --no-init does", async () => {
    const data = join(folder, "made-by-init");
    const words = ["serve", "--adapter", "echo", "--port", "0", "--data", data];
    await expectRefusal(words, 1, `The folder ${data} is not a data folder of ingle.`, { env: { INGLE_NO_INIT: "1" } });
    await expectRefusal([...words, "--no-init"], 1, `The folder ${data} is not a data folder of ingle.`, {
      env: { INGLE_NO_INIT: "0" },
    });
    const server = await startServer(RUNTIME, ["--adapter", "echo", "--init"], { data, env: { INGLE_NO_INIT: "1" } });
    expect(await server.stop()).toBe(0);
    expect(existsSync(join(data, "ingle.json"))).toBe(true);
    expect((await ingle(["serve", "--help"])).stdout).toMatch(/^ *--init +[A-Z]\w+/m);
  });
  inTime("a weak key, whole and wide open", async () => {
    await expectRefusal(["serve", "--port", "0", "--key", "hunter2"], 1, "The API key has 7 characters.");
    await expectRefusal(["serve", "--port", "0"], 1, "a character that is not allowed", { env: { INGLE_KEY: "ä".repeat(20) } });
    await expectRefusal(["serve", "--port", "0", "--host", "0.0.0.0"], 1, "Listening on 0.0.0.0 lets others in.");
  });
});

describe("serve", () => {
  inTime("a host that is a name without an address is one sentence", async () => {
    const named = ["serve", "--adapter", "echo", "--port", "0", "--host", "nosuch.invalid", "--key", "k".repeat(20)];
    await expectRefusal(named, 1, "The name nosuch.invalid has no address. Choose an address of this machine with --host.");
  });
  inTime("--insecure-no-auth warns and serves", async () => {
    const server = await startServer(RUNTIME, ["--adapter", "echo", "--host", "0.0.0.0", "--insecure-no-auth"]);
    try {
      await server.says(/^WARNING: everybody who reaches 0\.0\.0\.0 can use this server/);
      expect((await fetch(`http://127.0.0.1:${new URL(server.url).port}/v1/models`)).status).toBe(200);
    } finally {
      await server.stop();
    }
  });
  inTime("settings come from the environment, and a flag beats them", async () => {
    const env = { INGLE_ADAPTER: "echo", INGLE_STREAM_DEFAULT: "true", INGLE_KEY: "from-the-environment", INGLE_PORT: "1" };
    const server = await startServer(RUNTIME, [], { env });
    try {
      expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
      const res = await fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer from-the-environment" },
        body: JSON.stringify({ messages: [{ role: "user", content: "hi" }] }),
      });
      expect([res.status, res.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
      await res.text();
    } finally {
      expect(await server.stop()).toBe(0);
    }
    await expectRefusal(["serve"], 2, "INGLE_SLOTS is", { env: { INGLE_SLOTS: "many" } });
  });
});

describe("list and rm", () => {
  inTime("show what is there, and take it away", async () => {
    const path = join(folder, "mine.gguf");
    await withLibrary(folder, (library) => library.add(record("org/mine", path)));
    writeFileSync(path, "GGUF");

    expect((await ingle(["list"])).stdout).toMatch(/^ID +SIZE .*\norg\/mine .* installed\n$/);
    expect(JSON.parse((await ingle(["list", "--json"])).stdout)).toMatchObject([{ id: "org/mine", state: "installed" }]);
    expect((await ingle(["list", "--catalog"])).stdout).toMatch(new RegExp(`^${DEFAULT_MODEL} .* available$`, "m"));
    expect(await ingle(["rm", "org/mine"])).toEqual({ code: 0, stdout: "org/mine is removed.\n", stderr: "" });
    expect(await ingle(["list"])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("No model is installed."),
    });
  });
});

describe("pull and show", () => {
  inTime("take a file where it is, and say what it is", async () => {
    const path = join(folder, "tiny.gguf");
    writeFileSync(path, tinyGguf());
    expect(await ingle(["pull", path, "--id", "mine"])).toEqual({ code: 0, stdout: "mine is there.\n", stderr: "" });
    const { stdout } = await ingle(["show", "mine"]);
    expect(stdout).toMatch(/^Id +mine\n/);
    expect(stdout).toMatch(/^Architecture +llama$/m);
    expect(stdout).toMatch(/^Context +512 tokens$/m);
    expect(stdout).toMatch(/^Memory +about .* of .* that there are/m);
    expect(JSON.parse((await ingle(["show", "mine", "--json"])).stdout)).toMatchObject({ id: "mine", fit: { fits: true } });
    expect(await ingle(["pull", join(folder, "none.gguf")])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no file"),
    });
    expect((await ingle(["rm", "mine"])).code).toBe(0);
    expect(existsSync(path)).toBe(true);
  });

  inTime("say what a name should have been, and fetch nothing where that is not wanted", async () => {
    expect(await ingle(["pull", "hf:org"])).toMatchObject({ code: 2, stderr: expect.stringContaining("Name it hf:owner/repo") });
    expect(await ingle(["pull", "org/name"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Of Hugging Face it is hf:org/name."),
    });
    const offline = await ingle(["pull", "hf:org/name", "--offline"]);
    expect(offline).toMatchObject({ code: 1, stderr: expect.stringContaining("--offline") });
    expect(await ingle(["pull", "http://127.0.0.1:9/a.gguf"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--allow-private"),
    });
    expect(await ingle(["show", "nothing"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Model "nothing" is not in the catalogue.'),
    });
  });
});

describe("run", () => {
  const echo = ["run", "echo", "--adapter", "echo"];

  inTime("answers a prompt and says nothing else", async () => {
    expect(await ingle([...echo, "hi there"])).toEqual({ code: 0, stdout: "hi there\n", stderr: "" });
    expect(await ingle([...echo, "one two three", "--max-tokens", "2"])).toMatchObject({ stdout: "one two\n" });
    expect(await ingle([...echo, "--", "--not a flag"])).toMatchObject({ code: 0, stdout: "--not a flag\n" });
  });
  inTime("shows its log when asked", async () => {
    expect((await ingle([...echo, "hi", "--log"])).stderr).toContain('"model loaded"');
  });
  inTime("answers with the real model, and names a damaged one in a sentence", async () => {
    const data = await folderWithModel();
    const question = "What is the capital of France? Answer in one sentence.";
    const words = [DEFAULT_MODEL, question, "--temperature", "0", "--threads", "1"];
    expect(await ingle(["run", ...words, "--data", data])).toMatchObject({
      ...{
        code: 0,
        stdout: expect.stringContaining("Paris"),
        stderr: expect.stringMatching(/^\S+ is for trying things out: .*\n$/),
      },
    });
    rmSync(data, { recursive: true });
    const path = join(folder, "damaged.gguf");
    await withLibrary(folder, (library) => library.add(record("damaged", path)));
    writeFileSync(path, "not a model");
    await expectRefusal(["run", "damaged", "hi"], 1, 'Model "damaged" cannot be loaded: ');
  });
});
