// ingle as one file by Deno, up to the step that needs denort: the parts, the module graph, and the permissions instead of all of them.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { denoPermissions, prepareDenoCompile } from "../../tools/compile/deno.ts";
import { llamaServerFolder, llamaServerPart } from "../../tools/compile/parts.ts";
import { HOST, TARGETS } from "../../tools/compile/targets.ts";
import type { CarriedPart } from "../../src/executable/unpack.ts";
import { DEFAULT_MODEL } from "../../models/catalog.ts";
import { ROOT } from "../support/executable.ts";
import { withLibrary } from "../support/library.ts";
import { run } from "../support/program.ts";
import { realModel } from "../support/real-model.ts";
import { record } from "../support/record.ts";
import { runtimes } from "../support/runtimes.ts";
import { MAIN, startProgram } from "../support/server.ts";

const SLOW = 120_000;
const deno = runtimes().find(({ name }) => name === "deno")!;
const [binary = ""] = deno.command;
const target = TARGETS.get(HOST);
const server = target && llamaServerFolder(target, undefined);
const NO_DENORT = 'needs denort in DENORT_BIN: run "npm run compile:deno" to see which';

describe.skipIf(deno.skip !== undefined)(deno.skip ?? "on Deno", () => {
  let root: string;
  let home: string;
  let flags: string[];
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "ingle-deno-"));
    home = join(root, "home");
    const parts: CarriedPart[] = server === undefined ? [] : [llamaServerPart(server, target!)];
    flags = prepareDenoCompile(parts, root).run;
    mkdirSync(home);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const env = () => ({ HOME: home, XDG_CACHE_HOME: "", INGLE_ADAPTER: "auto", PATH: join(root, "nothing") });

  test("every permission is named", () => {
    for (const flag of flags) expect(flag).not.toMatch(/^(-A|--allow-all|--allow-ffi|--allow-import)/);
    expect(denoPermissions([{ name: "node-llama-cpp", sha256: "", files: [] }])).toContain("--allow-ffi");
  });

  test(
    "its types are right as Deno sees them",
    async () => {
      const { code, stderr } = await run([binary, "task", "check"], { cwd: ROOT });
      expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
    },
    SLOW,
  );

  test("the whole module graph is there, and the parts are named in it", async () => {
    const config = flags.find((flag) => flag.startsWith("--config="))!;
    const { code, stdout } = await run([binary, "info", "--json", "--no-lock", config, MAIN], { cwd: ROOT });
    expect(code).toBe(0);
    const { modules } = JSON.parse(stdout) as { modules: { specifier: string; error?: string }[] };
    expect(modules.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(modules.map(({ specifier }) => specifier)).toContain(pathToFileURL(join(ROOT, "src/ui/openapi-explorer.ts")).href);
    const carried = modules.map(({ specifier }) => specifier).filter((specifier) => specifier.endsWith("/carried.ts"));
    expect(carried).toEqual([pathToFileURL(join(root, "carried.ts")).href]);
  });

  test(
    "with these permissions, threads are written and a second start reads them",
    async () => {
      const data = join(home, "data");
      const command = [binary, "run", "--no-lock", ...flags, MAIN];
      const first = await startProgram(command, ["--adapter", "echo"], { data, env: env() });
      const made = await fetch(`${first.url}/v1/threads`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      const { id } = (await made.json()) as { id: string };
      expect(await first.stop("SIGKILL")).toBe("SIGKILL");
      const second = await startProgram(command, ["--adapter", "echo"], { data, env: env() });
      const kept = await fetch(`${second.url}/v1/threads/${id}`);
      expect(await second.stop()).toBe(0);
      expect(kept.status).toBe(200);
    },
    SLOW,
  );

  test(
    "with these permissions, the page of the reference has all that it asks for, and its requests are answered",
    async () => {
      const command = [binary, "run", "--no-lock", ...flags, MAIN];
      const started = await startProgram(command, ["--adapter", "echo"], { data: join(home, "docs"), env: env() });
      // As the page asks: it lies at the server's own origin.
      const ask = (path: string, init: RequestInit = {}) =>
        fetch(new URL(path, started.url), { ...init, headers: { origin: started.url, "content-type": "application/json" } });
      const page = await (await ask("/docs")).text();
      const [, script = ""] = /<script type="module" src="([^"]+)"/.exec(page) ?? [];
      const [, document = ""] = /spec-url="([^"]+)"/.exec(page) ?? [];
      const viewer = await (await ask(script)).text();
      const reference = (await (await ask(document)).json()) as any;
      const { requestBody } = reference.paths["/v1/chat/completions"].post;
      const [{ value }] = Object.values(requestBody.content["application/json"].examples) as [{ value: object }];
      const address = `${reference.servers[0].url.replace(/\/$/, "")}/v1/chat/completions`;
      const answer = await ask(address, { method: "POST", body: JSON.stringify(value) });
      expect(await started.stop()).toBe(0);
      expect(viewer.length).toBeGreaterThan(100_000);
      expect(viewer).toContain("openapi-explorer");
      expect(answer.status).toBe(200);
    },
    SLOW,
  );

  test.skipIf(server === undefined)(
    "with these permissions, the real model answers by the llama-server that is carried (skipped where none was built to be carried)",
    async () => {
      const data = join(home, "real");
      const real = await realModel();
      await withLibrary(data, (library) => library.add(record(DEFAULT_MODEL, real.path)));
      const started = await startProgram([binary, "run", "--no-lock", ...flags, MAIN], [], { data, env: env() });
      const messages = [{ role: "user", content: "What is the capital of France? Answer in one sentence." }];
      const res = await started.chat({ model: DEFAULT_MODEL, messages, temperature: 0 });
      const answer = await res.text();
      expect(await started.stop()).toBe(0);
      expect(answer).toContain("Paris");
      expect(readdirSync(join(home, ".cache/ingle/parts"))).toHaveLength(1);
    },
    SLOW,
  );

  test(
    "the task that serves may write nowhere but in ingle's own folders",
    async () => {
      const task = [binary, "task", "--quiet", "serve", "--port", "0", "--adapter", "echo"];
      const own = { ...env(), PATH: join(binary, "..") };
      const refused = await run([...task, "--data", join(root, "elsewhere")], { env: own, cwd: ROOT });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/Requires (read|write) access to/);
    },
    SLOW,
  );

  test.skipIf(process.env["DENORT_BIN"] === undefined)(
    `compiles (${NO_DENORT})`,
    async () => {
      const outfile = join(root, "ingle");
      const script = join(ROOT, "tools/compile/deno.ts");
      expect(await run([process.execPath, script, "--outfile", outfile, "--carry", "none"])).toMatchObject({ code: 0 });
      expect(await run([outfile, "--version"], { env: env() })).toMatchObject({ code: 0, stderr: "" });
    },
    SLOW,
  );
});
