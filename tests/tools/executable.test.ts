// ingle as one file, alone in an empty folder with an empty home: what only it does. What it does as the sources do is in
// runtimes.test.ts.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { box, removeExecutable, ROOT, type Box } from "../support/executable.ts";
import { sha256, startHub } from "../support/hub.ts";
import { withLibrary } from "../support/library.ts";
import { isAlive } from "../support/processes.ts";
import { realModel } from "../support/real-model.ts";
import { record } from "../support/record.ts";
import { eventually } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const ECHO = ["--adapter", "echo"];
const FRANCE = {
  messages: [{ role: "user", content: "What is the capital of France? Answer in one sentence." }],
  temperature: 0,
  model: DEFAULT_MODEL,
};

let alone: Box;
beforeAll(async () => void (alone = await box()), SLOW);
afterEach(() => alone?.stopServers());
afterAll(async () => {
  alone?.remove();
  await removeExecutable();
});

test("it tells its version, and needs nothing on the disk for it", async () => {
  expect(await alone.run(["--version"])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  expect(readdirSync(alone.home)).toEqual([]);
});

test("it holds no path of the machine that it was compiled on", () => {
  const bytes = readFileSync(alone.program);
  // Bytecode keeps some of its texts in two bytes a character.
  for (const encoding of ["utf8", "utf16le"] as const) expect(bytes.includes(Buffer.from(ROOT, encoding))).toBe(false);
});

test("it reads no setting and runs no code of the folder that it is started in", async () => {
  const ran = join(alone.home, "ran");
  const files = {
    ".env": "INGLE_QUEUE=nonsense\nINGLE_SLOTS=nonsense\n",
    "bunfig.toml": 'preload = ["./preload.ts"]\n',
    "preload.ts": `require("node:fs").writeFileSync(${JSON.stringify(ran)}, "");\n`,
    "package.json": '{"name": "nonsense", "imports": {"#a": "./preload.ts"}}',
    "tsconfig.json": '{"compilerOptions": {"paths": {"*": ["./preload.ts"]}}}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(alone.cwd, name), text);
  const server = await alone.serve(ECHO);
  expect(await server.stop()).toBe(0);
  expect(existsSync(ran)).toBe(false);
  expect(readdirSync(alone.cwd).sort()).toEqual(Object.keys(files).sort());
});

test("without a server, its commands pull a large model through the threads that download and hash, and check it", async () => {
  const bytes = Uint8Array.from({ length: (40 << 20) + 123 }, (_, i) => (i * 7919) % 251);
  bytes.set(tinyGguf());
  const hub = await startHub({ "/some/repo/resolve/main/large.gguf": bytes });
  try {
    const data = join(alone.home, "pulled");
    const ended = await alone.run(["pull", "hf:some/repo/large.gguf", "--data", data], { HF_ENDPOINT: hub.url });
    expect({ ...ended, stdout: "" }).toMatchObject({ code: 0 });
    const weights = readdirSync(join(data, "weights"), { recursive: true, withFileTypes: true }).filter(({ name }) =>
      name.endsWith(".gguf"),
    );
    expect(weights).toHaveLength(1);
    expect(sha256(readFileSync(join(weights[0]!.parentPath, weights[0]!.name)))).toBe(sha256(bytes));
    expect(await alone.run(["check", "--data", data])).toMatchObject({ code: 0 });
    truncateSync(join(weights[0]!.parentPath, weights[0]!.name), 1_000);
    expect(await alone.run(["check", "--data", data])).toMatchObject({ code: 1 });
  } finally {
    hub.close();
  }
});

test(
  "the real model answers with the engine that is carried, also after its process was killed and its files were damaged",
  async () => {
    const data = join(alone.home, "real");
    const real = await realModel();
    await withLibrary(data, (library) => library.add(record(DEFAULT_MODEL, real.path)));
    const before = readdirSync(join(alone.program, ".."));
    const server = await alone.serve([], { data });
    const whole = await json(await server.chat(FRANCE));
    expect(JSON.stringify(whole)).toContain("Paris");
    const unpacked = partsOf(alone);
    expect(unpacked).toHaveLength(1);
    const [largest, ...others] = filesOf(unpacked[0]!).sort((a, b) => statSync(b).size - statSync(a).size);
    for (const file of [largest!, ...others]) expect(statSync(file).mode & 0o077).toBe(0);

    const [engine, ...more] = server.children();
    expect(more).toEqual([]);
    const bytes = readFileSync(largest!);
    process.kill(engine!, "SIGKILL");
    await eventually("the server knows", async () => (await json(await fetch(`${server.url}/v1/ps`))).data.length === 0);
    truncateSync(largest!, 1000);
    expect(JSON.stringify(await json(await server.chat(FRANCE)))).toContain("Paris");
    expect(readFileSync(largest!).equals(bytes)).toBe(true);
    expect(partsOf(alone)).toEqual(unpacked);

    const [last] = server.children();
    expect(await server.stop("SIGTERM")).toBe(0);
    expect(isAlive(last!)).toBe(false);
    // Nothing was written beside the executable: its folder may be a read-only disk.
    expect(readdirSync(join(alone.program, ".."))).toEqual(before);
  },
  SLOW,
);

test("where the cache cannot be written, a chat gets one sentence, and the log the way out", async () => {
  const file = join(alone.home, "file");
  writeFileSync(file, "");
  const data = join(alone.home, "real");
  const server = await alone.serve([], { data, env: { XDG_CACHE_HOME: file } });
  const res = await server.chat(FRANCE);
  const { error } = await json(res);
  expect(await server.stop()).toBe(0);
  expect(res.status).toBe(503);
  expect(error.message).toMatch(/^\S+ cannot be unpacked on this server\. Its log says why\.$/);
  expect(server.stderr.join("\n")).toMatch(/\S+ \(\d+ MB\) cannot be unpacked into .*ENOTDIR.* set XDG_CACHE_HOME to a folder/);
});

test("it builds no engine, and says where one is built", async () => {
  const { code, stderr } = await alone.run(["engine", "build", "llama-server"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^A single executable has no source to build from\..*INGLE_LLAMA_SERVER\.\n$/);
});

const json = (res: Response): Promise<any> => res.json();

const partsOf = ({ home }: Box): string[] => {
  const folder = join(home, ".cache/ingle/parts");
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder).map((name) => join(folder, name));
};

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
