// A clone in which npm has passed over the engine's library for this machine, as it does with optional packages that it cannot have.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, RUNTIME } from "../support/program.ts";
import { startProgram } from "../support/server.ts";

const ROOT = join(import.meta.dirname, "../..");
const SAYS = /The engine's library for this machine, @node-llama-cpp\/[\w-]+, could not be installed\. Run \\"npm run setup\\"\./;

let clone: string;
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), "ingle-optional-"));
  for (const path of ["src", "adapters", "models", "package.json", "package-lock.json"])
    await cp(join(ROOT, path), join(clone, path), { recursive: true });
  const modules = join(clone, "node_modules");
  await mkdir(join(modules, "node-llama-cpp/dist"), { recursive: true });
  await cp(join(ROOT, "node_modules/node-llama-cpp/package.json"), join(modules, "node-llama-cpp/package.json"));
  await writeFile(join(modules, "node-llama-cpp/dist/index.js"), "");
  for (const name of await readdir(join(ROOT, "node_modules")))
    if (!/^\.|^(@?node-llama-cpp)$/.test(name)) await symlink(join(ROOT, "node_modules", name), join(modules, name));
}, 60_000);
afterAll(() => rm(clone, { recursive: true, force: true }));

test.each(["auto", "node-llama-cpp"])("a server with the adapter %s says it when it starts, and goes on", async (adapter) => {
  const server = await startProgram([...RUNTIME.command, join(clone, "src/main.ts")], ["--adapter", adapter], {
    env: { PATH: "/usr/bin:/bin", XDG_CACHE_HOME: join(clone, "cache") },
  });
  try {
    await server.says(SAYS);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  } finally {
    await server.stop();
  }
});

test("doctor names the same way out", async () => {
  const env = { PATH: "/usr/bin:/bin", XDG_CACHE_HOME: join(clone, "cache") };
  const { stdout } = await run(
    [...RUNTIME.command, join(clone, "src/main.ts"), "doctor", "--json", "--data", join(clone, "data")],
    { env },
  );
  const { findings } = JSON.parse(stdout) as { findings: { about: string }[] };
  expect(findings.find(({ about }) => about === "engine node-llama-cpp")).toMatchObject({
    state: "broken",
    says: expect.stringContaining("could not be installed"),
    mend: "npm run setup",
  });
});
