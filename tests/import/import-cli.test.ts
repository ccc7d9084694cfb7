// `ingle import` as it is typed: alone and beside a running server, in words and as JSON, and what it refuses.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "bun:test";
import { emptyFolder, folderWith, line, oldFolder, put, snapshot } from "../support/old-folder.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { cleanEnv, eventually, startServer, type Server } from "../support/server.ts";
import { hasPython, inTerminal } from "../support/terminal.ts";

const SLOW = 300_000;
const inTime = (name: string, work: () => Promise<void>) => test(name, work, SLOW);
const dataFolder = (): string => mkdtempSync(join(tmpdir(), "ingle-import-"));
const ingle = (data: string, ...words: string[]) => run([...PROGRAM, ...words], { env: { INGLE_DATA: data } });

const TOTAL = "from the folder of Jan, in which nothing was changed.\n";

async function withServer(data: string, work: (server: Server) => Promise<void>): Promise<void> {
  const server = await startServer(RUNTIME, ["--adapter", "echo"], { data });
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

/** Titles, newest first. */
async function titles({ url }: Server): Promise<string[]> {
  const threads = (await (await fetch(`${url}/v1/threads`)).json()) as { title: string }[];
  return threads.map(({ title }) => title);
}

/** Every record below a folder; what a killed write has left has no such name. */
function bytes(folder: string): Record<string, string> {
  const paths = (readdirSync(folder, { recursive: true }) as string[]).filter((path) => path.endsWith(".json"));
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

describe("without a server", () => {
  inTime("it says what was taken and what was not, and a server serves it", async () => {
    const [data, old] = [dataFolder(), oldFolder("jan-0.4")];
    const before = snapshot(old);
    expect(await ingle(data, "import", old)).toEqual({
      code: 0,
      stderr: "",
      stdout: [
        "Not taken:",
        "  It is built in here too.",
        "    assistants/jan/assistant.json",
        '  It runs at "openai", not from a GGUF file on this machine.',
        "    models/gpt-4/model.json",
        "  Its GGUF file is not there: it was never downloaded, or it was moved.",
        "    models/mistral-ins-7b-q4/model.json",
        "  It has no text.",
        "    threads/jan_1706100000/messages.jsonl, line 2",
        "",
        "Taken, but not whole:",
        "  Its text was taken, an image left out.",
        "    threads/jan_1706100000/messages.jsonl, line 1",
        "",
        `2 threads, 6 messages, 0 assistants, 1 model taken ${TOTAL}`,
      ].join("\n"),
    });
    expect(snapshot(old)).toEqual(before);
    expect(JSON.parse((await ingle(data, "list", "--json")).stdout)).toMatchObject([
      { id: "tinyllama-1.1b", state: "installed" },
    ]);
    await withServer(data, async (server) => {
      expect(await titles(server)).toEqual(["New Thread", "What is the capital of France?"]);
    });
    const again = await ingle(data, "import", old);
    expect([again.code, again.stdout]).toEqual([
      0,
      expect.stringMatching(new RegExp(`\n0 threads, 0 messages, 0 assistants, 0 models taken ${TOTAL}$`)),
    ]);
  });

  inTime("--json is the report", async () => {
    const old = folderWith(`${line("1", "a")}nonsense\n`);
    const { code, stdout, stderr } = await ingle(dataFolder(), "import", "--json", old);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({
      from: "jan",
      taken: [{ kind: "thread", old_id: "t", path: "threads/t", id: expect.stringMatching(/^thread_/), messages: 1 }],
      reduced: [],
      skipped: [
        {
          kind: "message",
          old_id: null,
          path: "threads/t/messages.jsonl",
          line: 2,
          reason: "It is not a JSON object, or only in part: it may have been cut.",
        },
      ],
    });
  });

  inTime("a frequent reason is said once, and the terminal obeys no name", async () => {
    const old = folderWith(line("1", "a"));
    for (let n = 0; n < 20; n++) put(old, `threads/empty-${n}\u001b[2J/notes.txt`, "");
    const { stdout } = await ingle(dataFolder(), "import", old);
    expect(stdout.split("\n").length).toBe(11);
    expect(stdout).toContain("    threads/empty-0�[2J\n");
    expect(stdout).toContain('    and 15 more: "--json" lists them\n');
    expect(stdout).toEndWith(`\n1 thread, 1 message, 0 assistants, 0 models taken ${TOTAL}`);
  });

  inTime("what is not an old folder is a sentence and exit code 1", async () => {
    const [data, folder] = [dataFolder(), emptyFolder()];
    for (const [path, says] of [
      [folder, `${folder} is not a data folder of Jan or cortex: `],
      [join(folder, "nope"), `There is no folder ${join(folder, "nope")}. Check the path.`],
      [data, `${data} is a data folder of ingle itself. Use it with --data instead.`],
    ] as const) {
      const { code, stdout, stderr } = await ingle(data, "import", path);
      expect([code, stdout, stderr.split("\n").length]).toEqual([1, "", 2]);
      expect(stderr).toStartWith(says);
    }
  });
});

describe("killed amid a long thread", () => {
  inTime("the next run ends as one undisturbed run does", async () => {
    const [data, other] = [dataFolder(), dataFolder()];
    const old = folderWith(Array.from({ length: 3000 }, (_, n) => line(`m${n}`, `text ${n}`)).join(""));
    const messages = join(data, "messages");
    const written = (): number => (existsSync(messages) ? readdirSync(messages, { recursive: true }).length : 0);
    const child = Bun.spawn([...PROGRAM, "import", old], { env: cleanEnv({ INGLE_DATA: data }), stdout: "ignore" });
    await eventually("messages are written", () => written() > 200);
    child.kill("SIGKILL");
    await child.exited;
    expect(written()).toBeLessThan(3000);
    for (const folder of [data, other]) {
      expect((await ingle(folder, "import", old)).stdout).toContain("1 thread, 3000 messages");
    }
    for (const kind of ["threads", "messages"]) {
      expect(bytes(join(data, kind))).toEqual(bytes(join(other, kind)));
    }
    expect((await ingle(data, "check")).code).toBe(0);
  });
});

describe("beside a server", () => {
  inTime("the server takes it in, and shows it at once", async () => {
    const [data, old] = [dataFolder(), oldFolder("jan-0.6")];
    await withServer(data, async (server) => {
      expect(await titles(server)).toEqual([]);
      const { code, stdout } = await ingle(data, "import", old);
      expect([code, stdout]).toEqual([0, expect.stringContaining("2 threads, 3 messages, 1 assistant, 1 model taken")]);
      expect(await titles(server)).toEqual(["Nothing yet", "Ponte"]);
      const again = await ingle(data, "import", "--json", old);
      expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { taken: [] }]);
    });
    // Also with an adapter that has no models of its own making.
    expect(JSON.parse((await ingle(data, "list", "--json")).stdout)).toMatchObject([{ id: "qwen/Qwen3-0.6B-Q8_0" }]);
  });

  inTime("only the owner's own commands may ask for it", async () => {
    const data = dataFolder();
    await withServer(data, async ({ url }) => {
      const ask = (headers: Record<string, string>) =>
        fetch(`${url}/v1/import`, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify({ folder: oldFolder("cortex") }),
        });
      const refused = [await ask({}), await ask({ authorization: "Bearer guess" })].map(({ status }) => status);
      expect(refused.every((status) => status === 401 || status === 403)).toBe(true);
    });
    const nope = join(data, "nope");
    await withServer(data, async () => {
      const { code, stderr } = await ingle(data, "import", nope);
      expect([code, stderr]).toEqual([1, `There is no folder ${nope}. Check the path.\n`]);
    });
  });
});

describe("without a folder", () => {
  const XDG = { XDG_CONFIG_HOME: "", XDG_DATA_HOME: "", APPDATA: "" };
  const PLACES = {
    linux: ".local/share/Jan/data",
    darwin: "Library/Application Support/Jan/data",
    win32: "AppData/Roaming/Jan/data",
  };
  const usual = PLACES[process.platform as keyof typeof PLACES];

  /** A home folder with Jan's of two eras, what runs ingle there, and the environment for a terminal. */
  function makeHome() {
    const home = emptyFolder();
    mkdirSync(dirname(join(home, usual)), { recursive: true });
    renameSync(oldFolder("jan-0.6"), join(home, usual));
    renameSync(oldFolder("jan-0.4"), join(home, "jan"));
    const env = { ...XDG, HOME: home, USERPROFILE: home, INGLE_DATA: join(home, "ingle") };
    return { home, env, ingle: (...words: string[]) => run([...PROGRAM, ...words], { env }) };
  }

  inTime("Jan's folders are shown with what would be taken, and nothing is taken unasked", async () => {
    const { home, ingle } = makeHome();
    const ofJan = () => [join(home, usual), join(home, "jan")].map(snapshot);
    const before = ofJan();
    expect(await ingle("import")).toEqual({
      code: 0,
      stdout: [
        `${join(home, usual)}: 2 threads, 3 messages, 1 assistant, 1 model; not taken: 1, and the import says why`,
        `${join(home, "jan")}: 2 threads, 6 messages, 0 assistants, 1 model; not taken: 4, and the import says why`,
        "",
      ].join("\n"),
      stderr: 'Nothing was taken. "ingle import --yes" takes it in.\n',
    });
    expect(existsSync(join(home, "ingle"))).toBe(false);
    const looked = JSON.parse((await ingle("import", "--json")).stdout) as { folder: string; taken: object[] }[];
    const { code, stdout } = await ingle("import", "--yes", "--json");
    expect([code, JSON.parse(stdout)]).toEqual([0, looked]);
    expect(looked.map(({ folder, taken }) => [folder, taken.length])).toEqual([
      [join(home, usual), 4],
      [join(home, "jan"), 3],
    ]);
    expect((await ingle("threads", "--json")).stdout.match(/"object": "thread"/g)).toHaveLength(4);
    const again = await ingle("import");
    expect([again.code, again.stderr]).toEqual([0, "Nothing of that is new.\n"]);
    expect(ofJan()).toEqual(before);
  });

  inTime("beside a server too, which is not changed by a look", async () => {
    const { env, ingle } = makeHome();
    await withServer(env.INGLE_DATA, async (server) => {
      expect((await ingle("import")).stdout).toContain("2 threads, 6 messages");
      expect(await titles(server)).toEqual([]);
      expect((await ingle("import", "--yes")).stdout).toContain(`2 threads, 3 messages, 1 assistant, 1 model taken ${TOTAL}`);
      expect(await titles(server)).toHaveLength(4);
    });
  });

  inTime("what is no folder of Jan is passed over, and what may not be read is said", async () => {
    const home = emptyFolder();
    put(home, "jan/notes.txt", "a name");
    const env = { ...XDG, HOME: home, USERPROFILE: home, INGLE_DATA: join(home, "ingle") };
    const { code, stdout, stderr } = await run([...PROGRAM, "import"], { env });
    expect([code, stdout, stderr]).toEqual([
      0,
      "",
      expect.stringMatching(/^No data folder of Jan was found\..*"ingle import ~\/jan"\.\n$/),
    ]);
    expect((await run([...PROGRAM, "import", "--json"], { env })).stdout).toBe("[]\n");
    put(home, `${usual}/../settings.json`, JSON.stringify({ data_folder: join(home, "jan/notes.txt") }));
    const said = await run([...PROGRAM, "import"], { env });
    expect(said.stderr).toStartWith(`${join(home, "jan/notes.txt")} is not a folder. `);
  });

  test.skipIf(!hasPython())(
    "asks at a terminal",
    async () => {
      const { env, ingle } = makeHome();
      const at = (keys: string) => inTerminal(100, [...PROGRAM, "import"], env, [["Take it in\\? .*\\[Y/n\\] ", keys]]);
      expect(await at("n\r")).toMatchObject({ code: 0, missing: null, output: expect.stringContaining("Nothing was taken.") });
      expect((await ingle("threads", "--json")).stdout).toBe("[]\n");
      expect(await at("\r")).toMatchObject({ code: 0, missing: null, output: expect.stringContaining("2 threads, 6 messages") });
      expect(JSON.parse((await ingle("threads", "--json")).stdout)).toHaveLength(4);
    },
    SLOW,
  );
});
