// What `ingle service` prints: read by the service managers' own tools where they are here, and started as they would.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launchdPlist } from "../../src/cli/service/launchd.ts";
import type { ServiceSetup } from "../../src/cli/service/setup.ts";
import { PROGRAM, run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { cleanEnv, MAIN } from "../support/server.ts";

// A name with everything that a unit, a shell or a property list takes for something of its own.
const HARD = `it's $HOME 100%h "a" \\ & <b>; --c`;
const SECRET = "a-key-of-16-characters";
const onLinux = test.skipIf(process.platform !== "linux");

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "ingle-service-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const service = (words: string[], env = {}, command = PROGRAM) =>
  run([...command, "service", ...words], { env: { HOME: folder, ...env } });
const unitOf = async (words: string[], env = {}) => {
  const { code, stdout, stderr } = await service(words, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
};

describe("a unit of systemd", () => {
  const analyzer = Bun.which("systemd-analyze");
  const missing = analyzer === null ? " (skipped: systemd-analyze is not here)" : "";
  for (const words of [[], ["--system"]]) {
    test.skipIf(missing !== "")(`is one that systemd takes: ${["service", ...words].join(" ")}${missing}`, async () => {
      const place = await mkdtemp(join(folder, "unit-"));
      await writeFile(join(place, "ingle.service"), await unitOf([...words, "--data", join(folder, HARD)]));
      const manager = words.length === 0 ? ["--user"] : [];
      const verify = [analyzer!, "verify", "--man=no", ...manager, join(place, "ingle.service")];
      expect(await run(verify, { env: { XDG_RUNTIME_DIR: place } })).toEqual({ code: 0, stdout: "", stderr: "" });
    });
  }

  for (const { name, command, skip } of runtimes()) {
    test.skipIf(skip !== undefined || process.platform !== "linux")(
      `starts the server with its settings, on ${name}`,
      async () => {
        const data = join(folder, `${name} ${HARD}`);
        await mkdir(data);
        const { stdout } = await service(["--adapter", "echo", "--port=0", "--data", data, "--slots", "2"], {}, [
          ...command,
          MAIN,
        ]);
        const words = execStart(stdout);
        expect(words).toEqual(expect.arrayContaining(["serve", "--adapter=echo", "--slots=2", `--data=${data}`]));
        const [binary = "", ...rest] = words;
        const child = spawn(binary, rest, { cwd: "/", env: cleanEnv({ HOME: folder }), stdio: ["ignore", "pipe", "inherit"] });
        const ended = new Promise((resolve) => child.on("close", resolve));
        try {
          let url: string | undefined;
          for await (const line of createInterface({ input: child.stdout }))
            if ((url = /is listening on (\S+)$/.exec(line)?.[1])) break;
          expect((await fetch(`${url}/health`)).status).toBe(200);
        } finally {
          child.kill("SIGTERM");
        }
        expect(await ended).toBe(0);
      },
    );
  }

  onLinux("lets the server write where it keeps things, and nowhere else", async () => {
    const unit = await unitOf(["--data", "/srv/ingle", "--store", "fs:/srv/records"]);
    expect(unit).toMatch(/^ProtectSystem=strict$/m);
    expect(unit).toContain(`\nReadWritePaths=/srv/ingle ${folder}/.cache/ingle /srv/records\n`);
    expect(await unitOf(["--system"])).toContain("\nReadWritePaths=/var/lib/ingle /var/cache/ingle\n");
  });

  onLinux("makes relative paths absolute", async () => {
    const words = execStart(await unitOf(["--data", "here", "--models-dir=there", "--store=fs:records"]));
    const absolute = ["data=here", "models-dir=there", "store=fs:records"].map((word) =>
      word.replace(/(?<=[=:])(?!fs:)/, `${process.cwd()}/`),
    );
    expect(words).toEqual(expect.arrayContaining(absolute.map((word) => `--${word}`)));
  });

  onLinux("hands on the switches, in both directions", async () => {
    expect(execStart(await unitOf(["--no-init", "--offline"]))).toEqual(expect.arrayContaining(["--no-init", "--offline"]));
    expect(execStart(await unitOf(["--init", "--no-offline"]))).toEqual(expect.arrayContaining(["--init", "--no-offline"]));
  });

  onLinux("gives the server longer to end than it takes", async () => {
    const { STOP_MS } = await import("../../src/cli/serve.ts");
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(await unitOf([]))?.[1]);
    expect(seconds * 1000).toBeGreaterThan(STOP_MS + 3_000);
  });

  onLinux("holds no secret, and says which variables the service will not see", async () => {
    const unit = await unitOf([], { INGLE_KEY: SECRET, HF_TOKEN: SECRET });
    expect(unit).not.toContain(SECRET);
    const unseen = /^# This terminal has set (.*), which the service does not see\.$/m.exec(unit)?.[1]?.split(", ");
    expect(unseen).toEqual(expect.arrayContaining(["INGLE_KEY", "HF_TOKEN"]));
    expect(unit).toContain(`\nEnvironmentFile=-${folder}/.config/ingle/service.env\n`);
  });
});

describe("it refuses", () => {
  test("a key on the command line", async () => {
    const { code, stdout, stderr } = await service(["--key", SECRET]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toStartWith('"--key" is not an option of "ingle service".');
  });
  test("settings that the server would refuse", async () => {
    expect(await service(["--port", "many"])).toEqual({
      code: 2,
      stdout: "",
      stderr: '--port is "many". It must be a number.\n',
    });
  });
});

describe("a property list of launchd", () => {
  const setup: ServiceSetup = {
    command: ["/bin/node", "/opt/ingle/main.js", "serve", `--data=/Users/me/${HARD}`],
    env: { NODE_COMPILE_CACHE: "/Users/me/.cache/ingle/node" },
    writes: [`/Users/me/${HARD}`],
    secrets: "/Users/me/.config/ingle/service.env",
    unseen: [],
    system: false,
    stop_s: 20,
    words: ["service", "--port=8080"],
  };
  const python = Bun.which("python3");

  test.skipIf(python === null)(
    `is read back as it was meant${python === null ? " (skipped: python3 is not here)" : ""}`,
    async () => {
      const script = "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
      const { stdout, stderr } = await run([python!, "-c", script], { stdin: launchdPlist(setup) });
      expect(stderr).toBe("");
      const read = JSON.parse(stdout) as Record<string, unknown>;
      expect(read).toMatchObject({
        Label: "local.ingle",
        RunAtLoad: true,
        KeepAlive: { SuccessfulExit: false },
        ExitTimeOut: 20,
        Umask: 0o077,
        EnvironmentVariables: setup.env,
      });
      expect((read.ProgramArguments as string[]).slice(-4)).toEqual(setup.command);
    },
  );

  test("starts the server with the variables of the file of secrets, where there is one", async () => {
    const secrets = join(folder, "secrets.env");
    const command = ["/bin/sh", "-c", 'echo "$INGLE_KEY $1"', "sh", HARD];
    const words = [...launchdPlist({ ...setup, secrets, command }).matchAll(/<string>(.*?)<\/string>/g)].map(([, text = ""]) =>
      unescaped(text),
    );
    const args = words.slice(words.indexOf("/bin/sh"), words.indexOf(HARD) + 1);
    expect((await run(args)).stdout).toBe(` ${HARD}\n`);
    await writeFile(secrets, `INGLE_KEY=${SECRET}\n`);
    expect((await run(args)).stdout).toBe(`${SECRET} ${HARD}\n`);
  });
});

const unescaped = (text: string): string => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** The words of ExecStart as systemd makes them: quotes, backslashes, and `$$` and `%%` for the characters themselves. */
function execStart(unit: string): string[] {
  const line = /^ExecStart=(.*)$/m.exec(unit)![1]!;
  const words = line.match(/"(?:[^"\\]|\\.)*"|\S+/g)!;
  return words.map((word) => {
    const text = word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, "$1") : word;
    return text.replaceAll("$$", "$").replaceAll("%%", "%");
  });
}
