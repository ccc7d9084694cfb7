import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkProxies } from "../../src/cli/doctor/proxies.ts";
import { runProgram, runCheck, type Finding } from "../../src/cli/doctor/finding.ts";
import { findRuntime } from "../../src/launch/runtimes.mjs";
import { LISTS } from "../support/graphics-cards.ts";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN, startServer } from "../support/server.ts";

const SLOW = 120_000;

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "ingle-doctor-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Report {
  ok: boolean;
  findings: Finding[];
}

/** With a data folder of its own, and any free port, unless the words say otherwise. */
async function doctor(words: string[] = [], env: Record<string, string> = {}, command = PROGRAM) {
  const all = { INGLE_DATA: join(folder, "data"), INGLE_PORT: "0", ...env };
  const { code, stdout, stderr } = await run([...command, "doctor", "--json", ...words], { env: all });
  expect(stderr).toBe("");
  const { ok, findings } = JSON.parse(stdout) as Report;
  return { code, ok, findings, of: (about: string) => findings.find((finding) => finding.about === about) };
}

for (const { name, command, skip } of runtimes()) {
  test.skipIf(skip !== undefined)(
    `finds that ingle can work, and says of everything what it is, on ${name}`,
    async () => {
      const { code, ok, findings, of } = await doctor([], {}, [...command, MAIN]);
      expect(findings.filter(({ state }) => state === "broken")).toEqual([]);
      expect([code, ok]).toEqual([0, true]);
      const about = findings.map(({ about }) => about);
      for (const one of ["ingle", "processor", "memory", "graphics card", "compilers", "cache", "settings", "port"])
        expect(about).toContain(one);
      expect(of(`runtime ${name}`)?.says).toMatch(/\d+\.\d+\.\d+.* at /);
      expect(of("engine node-llama-cpp")).toMatchObject({
        state: "good",
        says: expect.stringMatching(/^\d.* loads and computes on \w+/),
      });
      expect(of("data folder")?.says).toBe(`${join(folder, "data")} is made at the first start`);
      // It only looks.
      expect(await Bun.file(join(folder, "data", "ingle.json")).exists()).toBe(false);
    },
    SLOW,
  );
}

for (const { name, command, skip } of runtimes()) {
  test.skipIf(skip !== undefined)(
    `fails where what it found cannot be written, and loses none of it to a slow reader, on ${name}`,
    async () => {
      const env = { INGLE_DATA: join(folder, "data"), INGLE_PORT: "0" };
      const doctorTo = (rest: string) =>
        run(["bash", "-c", `"$@" doctor ${rest}; exit \${PIPESTATUS[0]}`, "bash", ...command, MAIN], { env });
      expect(await doctorTo("| true")).toEqual({ code: 1, stdout: "", stderr: "" });
      const full = await doctorTo("> /dev/full");
      expect(full).toEqual({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/^Standard output cannot be written to: .*\.\n$/),
      });
      expect(await doctorTo("| (sleep 1; tail -n 1)")).toEqual({ code: 0, stdout: "ingle can work here.\n", stderr: "" });
    },
    SLOW,
  );
}

test(
  "says it in lines, with what mends it below",
  async () => {
    const env = { INGLE_DATA: await file("plain"), INGLE_PORT: "0" };
    const { code, stdout } = await run([...PROGRAM, "doctor"], { env });
    expect(stdout).toMatch(/^ok +settings +can be used$/m);
    expect(stdout).toMatch(/^BROKEN +data folder +\S+ is not a folder\n +mend it: ingle serve --data FOLDER$/m);
    expect(stdout).toEndWith("\ningle cannot work here: 1 found.\n");
    expect(code).toBe(1);
  },
  SLOW,
);

test("the proxy that is used, without its password", async () => {
  const proxies = (env: Record<string, string>) => checkProxies(env);
  expect(proxies({ NO_PROXY: "*" })).toMatchObject([{ state: "good", says: expect.stringContaining("none") }]);
  const env = {
    HTTPS_PROXY: "http://ann:secret@p.example:3128",
    ALL_PROXY: "socks5://ann:secret@q",
    no_proxy: ".lan, 10.0.0.0/8",
  };
  expect(proxies(env)).toEqual([
    { about: "proxy", state: "good", says: "for https: http://p.example:3128 (HTTPS_PROXY), but not for .lan, 10.0.0.0/8" },
    { about: "proxy", state: "missing", says: expect.stringContaining("ALL_PROXY names a SOCKS proxy") },
  ]);
  expect(JSON.stringify(proxies(env))).not.toMatch(/secret|ann/);
  const { of } = await doctor([], { https_proxy: "p.example:3128" });
  expect(of("proxy")?.says).toBe("for https: http://p.example:3128 (https_proxy)");
}, 120_000);

describe("the port", () => {
  test(
    "that another program has is named, with that program where the system tells",
    async () => {
      const other = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => other.on("listening", resolve));
      const { port } = other.address() as AddressInfo;
      const { code, of } = await doctor(["--port", String(port)]);
      other.close();
      expect(code).toBe(1);
      expect(of("port")).toMatchObject({ state: "broken", mend: `ingle serve --port ${port + 1}` });
      if (Bun.which("ss") !== null)
        expect(of("port")?.says).toMatch(new RegExp(`^${port} on 127.0.0.1 is taken by ".+", process ${process.pid}$`));
    },
    SLOW,
  );

  test(
    "that the ingle of this data folder has is in order",
    async () => {
      const server = await startServer(RUNTIME, ["--adapter", "echo"], { data: join(folder, "served") });
      try {
        const port = new URL(server.url).port;
        const { code, of } = await doctor(["--port", port, "--data", join(folder, "served")]);
        expect(of("port")).toEqual({
          about: "port",
          state: "good",
          says: `${port} is taken by the ingle that works in the data folder`,
        });
        expect(of("lock")?.says).toBe(`The data folder is in use by "ingle serve", process ${server.pid} at ${server.url}.`);
        expect(code).toBe(0);
      } finally {
        await server.stop();
      }
    },
    SLOW,
  );
});

describe("the data folder", () => {
  test(
    "that others can look into is named, and how to close it",
    async () => {
      const data = join(folder, "open");
      await mkdir(data);
      await chmod(data, 0o755);
      const { code, of } = await doctor(["--data", data]);
      expect(of("data folder")).toEqual({
        about: "data folder",
        state: "missing",
        says: `${data}, empty, mode 755: other users can look into it`,
        mend: `chmod 700 ${data}`,
      });
      expect(of("disk of the data folder")?.says).toMatch(/^[\d.]+ [kMGT]B are free/);
      expect(code).toBe(0);
    },
    SLOW,
  );

  test(
    "that is not there although it must be stops ingle",
    async () => {
      const { code, of } = await doctor(["--data", join(folder, "unmounted")], { INGLE_NO_INIT: "true" });
      expect(of("data folder")).toMatchObject({ state: "broken", mend: "Mount its disk." });
      expect(code).toBe(1);
    },
    SLOW,
  );
});

describe("the engines", () => {
  const NOWHERE = { INGLE_LLAMA_SERVER: "/nowhere/llama-server" };
  test(
    "one that does not run is missed where another does",
    async () => {
      const { code, of } = await doctor([], NOWHERE);
      expect(of("engine llama-server")).toMatchObject({
        state: "missing",
        says: expect.stringContaining("there is no such file"),
      });
      expect(code).toBe(0);
    },
    SLOW,
  );
  test(
    "one that runs and does not compute is missed",
    async () => {
      const program = join(await mkdtemp(join(folder, "stand-in-")), "llama-server");
      await writeFile(program, '#!/bin/sh\n[ "$1" = --version ] && { echo "version: 1"; exit 0; }\nkill -ILL $$\n', {
        mode: 0o755,
      });
      const { code, of } = await doctor([], { INGLE_LLAMA_SERVER: program });
      expect(of("engine llama-server")).toMatchObject({
        state: "missing",
        says: `version: 1 at ${program} does not compute right: it ended with signal SIGILL`,
        mend: `ingle engine build llama-server, and remove ${program}, or take the new one with --llama-server`,
      });
      expect(code).toBe(0);
    },
    SLOW,
  );
  test(
    "one that computes on a graphics card names it, and what is free there",
    async () => {
      const program = join(await mkdtemp(join(folder, "with-card-")), "llama-server");
      const fake = join(import.meta.dirname, "../support/fake-llama-server.ts");
      await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${fake}" "$@"\n`, { mode: 0o755 });
      const saysWith = async (devices: string) => {
        const { of } = await doctor([], { INGLE_LLAMA_SERVER: program, GGML_DEVICES: devices });
        expect(of("engine llama-server")?.state).toBe("good");
        return of("engine llama-server")!.says;
      };
      expect(await saysWith(LISTS["one CUDA"].stdout)).toEndWith(
        `${program} computes right on NVIDIA GeForce RTX 3060 (12.4 GB of 12.5 GB free)`,
      );
      expect(await saysWith(LISTS.none.stdout)).toContain(`${program} computes right`);
    },
    SLOW,
  );
  test(
    "one that does not run stops ingle where the settings name it",
    async () => {
      const { code, of } = await doctor([], { ...NOWHERE, INGLE_ADAPTER: "llama-server" });
      expect(of("engine llama-server")).toMatchObject({ state: "broken", mend: "ingle engine build llama-server" });
      expect(of("engine node-llama-cpp")?.state).toBe("good");
      expect(code).toBe(1);
    },
    SLOW,
  );
});

test(
  "settings that cannot be used are named, and the machine is looked at all the same",
  async () => {
    const { code, of } = await doctor(["--port", "many"]);
    expect(of("settings")).toMatchObject({ state: "broken", says: '--port is "many". It must be a number.' });
    expect(of("processor")?.state).toBe("good");
    expect(code).toBe(1);
  },
  SLOW,
);

describe("the permissions of Deno", () => {
  const deno = runtimes().find(({ name }) => name === "deno")!;
  const why = deno.skip ? ` (${deno.skip})` : "";
  const granting = (flags: string[]) => [...deno.command.flatMap((flag) => (flag === "--allow-all" ? flags : flag)), MAIN];

  test.skipIf(deno.skip !== undefined)(
    `that are missing are named${why}`,
    async () => {
      const { code, of } = await doctor([], {}, granting(["--allow-read", "--allow-net", "--allow-env", "--allow-sys"]));
      expect(of("permissions")).toMatchObject({ state: "broken", says: "Deno withholds write, run" });
      expect(code).toBe(1);
    },
    SLOW,
  );

  test.skipIf(deno.skip !== undefined)(
    `of "deno task serve" are enough${why}`,
    async () => {
      const config = (await Bun.file(join(import.meta.dirname, "../../deno.json")).json()) as { tasks: { serve: string } };
      const flags = config.tasks.serve.replaceAll("$HOME", folder).match(/--allow-(?!read)\S+/g)!;
      const data = join(folder, ".local/share/ingle");
      const { of } = await doctor([], { HOME: folder, INGLE_DATA: data }, granting([...flags, "--allow-read"]));
      expect(of("permissions")?.state).toBe("good");
    },
    SLOW,
  );
});

describe("nothing is waited for for ever", () => {
  test("a check that never answers is a finding", async () => {
    expect(await runCheck("the disk", () => new Promise(() => {}), { vital: true, timeout_ms: 10 })).toEqual([
      { about: "the disk", state: "broken", says: "It gave no answer within 0.01 s." },
    ]);
  });
  test("a check that throws is a finding", async () => {
    const check = () => {
      throw new Error("no such thing");
    };
    expect(await runCheck("the disk", check)).toEqual([{ about: "the disk", state: "missing", says: "no such thing" }]);
  });
  test.each([
    ["an error that ends it", 'throw new TypeError("no such library: x.so")', "no such library: x.so"],
    ["one with fields", 'throw Object.assign(new Error("cannot open x.so"), { code: "ERR_DLOPEN_FAILED" })', "cannot open x.so"],
    ["a promise that nobody awaits", 'Promise.reject(new Error("gone"))', "gone"],
    ["an error that it prints", 'console.error(new Error("printed")); process.exit(3)', "printed"],
    [
      "an abort of llama.cpp",
      'console.error("/a/b.c:9: GGML_ASSERT(n > 0) failed\\n/lib/x.so(+0x1) [0x2]"); process.abort()',
      "/a/b.c:9: GGML_ASSERT(n > 0) failed",
    ],
    ["a sentence", 'console.error("first\\nIt does not run."); process.exit(1)', "It does not run."],
  ])("a program that ends by %s: the reason is that, not a line of its stack", async (_name, script, reason) => {
    for (const runtime of ["node", "bun", "deno"] as const) {
      const [program = "", ...flags] = findRuntime(runtime) ?? [];
      const args = runtime === "deno" ? ["eval", `import process from "node:process"; ${script}`] : [...flags, "-e", script];
      if (program !== "") expect([runtime, (await runProgram(program, args, { ms: 20_000 })).why]).toEqual([runtime, reason]);
    }
  });

  test("a program that hangs is ended", async () => {
    const { ok, why } = await runProgram(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { ms: 500 });
    expect({ ok, why }).toEqual({ ok: false, why: "it gave no answer within 0.5 s" });
  });
  test("a program that is not there is a result, not an error", async () => {
    for (const program of ["/nowhere/at-all", "no-such-program"])
      expect(await runProgram(program, [])).toMatchObject({ found: false, ok: false });
  });
});

async function file(name: string): Promise<string> {
  await writeFile(join(folder, name), "");
  return join(folder, name);
}

describe("which engine auto takes", () => {
  const standIn = async (script: string): Promise<string> => {
    const path = join(await mkdtemp(join(folder, "stand-in-")), "llama-server");
    await writeFile(path, `#!/bin/sh\n[ "$1" = --version ] && { echo "version: 1"; exit 0; }\n${script}\n`, { mode: 0o755 });
    return path;
  };
  const auto = async (words: string[], env: Record<string, string>) => {
    const own = {
      XDG_CACHE_HOME: await mkdtemp(join(folder, "cache-")),
      INGLE_ADAPTER: "auto",
      INGLE_DATA: join(folder, "data"),
    };
    const { code, stdout } = await run([...PROGRAM, "doctor", "--json", ...words], { env: { INGLE_PORT: "0", ...own, ...env } });
    const { findings } = JSON.parse(stdout) as Report;
    return { code, finding: findings.find(({ about }) => about === "auto") };
  };

  test(
    "where llama-server is not here, it is the only one, and nothing is timed",
    async () => {
      const { code, finding } = await auto(["--bench"], { INGLE_LLAMA_SERVER: "/nowhere/llama-server" });
      expect(finding).toMatchObject({
        state: "good",
        says: expect.stringMatching(/^node-llama-cpp is taken; engine llama-server: .*there is no such file/),
      });
      expect(code).toBe(0);
    },
    SLOW,
  );

  test(
    "where llama-server does not compute, it is the other one",
    async () => {
      const { finding } = await auto([], { INGLE_LLAMA_SERVER: await standIn("kill -ILL $$") });
      expect(finding?.says).toMatch(/^node-llama-cpp is taken; engine llama-server: .* it ended with signal SIGILL$/);
    },
    SLOW,
  );

  test(
    "where llama-server dies while it is timed, it is out, and stays so",
    async () => {
      const fake = `exec "${process.execPath}" "${join(import.meta.dirname, "../support/fake-llama-server.ts")}" "$@"`;
      const program = await standIn(`case "$*" in */trial-*) kill -ILL $$;; *) ${fake};; esac`);
      const env = { INGLE_LLAMA_SERVER: program, XDG_CACHE_HOME: await mkdtemp(join(folder, "cache-")) };
      const before = await auto([], env);
      expect(before.finding).toMatchObject({
        ...{ state: "missing", mend: "ingle doctor --bench" },
        says: "llama-server is taken until the engines are timed",
      });
      // Whether the other one is timed before the time is over is for the machine to say.
      const out =
        /^node-llama-cpp is taken for Q4_K: (no other was timed|node-llama-cpp .* threads?), llama-server is out, as it ended with signal SIGILL$/;
      expect((await auto(["--bench"], env)).finding).toMatchObject({ state: "missing", says: expect.stringMatching(out) });
      expect((await auto([], env)).finding?.says).toMatch(out);
    },
    SLOW,
  );

  test(
    "where somebody has set it by hand, or its threads, nothing is timed",
    async () => {
      const fake = await standIn(
        `exec "${process.execPath}" "${join(import.meta.dirname, "../support/fake-llama-server.ts")}" "$@"`,
      );
      const named = await auto(["--bench"], { INGLE_ADAPTER: "node-llama-cpp" });
      expect(named.finding?.says).toBe("node-llama-cpp is set by hand: no engine is timed");
      const threads = await auto(["--bench"], { INGLE_LLAMA_SERVER: fake, INGLE_THREADS: "2" });
      expect(threads.finding?.says).toBe("llama-server is taken: threads are set to 2 by hand, and no engine is timed");
    },
    SLOW,
  );
});
