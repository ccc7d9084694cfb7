// `ingle stop` and `ingle ps`, of a server that runs; and results as JSON.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { PROGRAM, run, RUNTIME } from "../support/program.ts";
import { startServer, type Server } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const data = mkdtempSync(join(tmpdir(), "ingle-stop-"));
const env = { INGLE_DATA: data };
const ingle = (...words: string[]) => run([...PROGRAM, ...words], { env });
const json = async (...words: string[]) => JSON.parse((await ingle(...words, "--json")).stdout);
let server: Server;

beforeAll(async () => void (server = await startServer(RUNTIME, ["--context", "128"], { data })), SLOW);
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

test(
  "results are JSON where that is wanted, and ps says what computes a model until stop unloads it",
  async () => {
    const path = join(data, "tiny.gguf");
    writeFileSync(path, tinyGguf());
    expect(await json("pull", path, "--id", "tiny")).toEqual({ id: "tiny", downloaded: false });
    expect(await json("set", "tiny", "--adapter", "node-llama-cpp")).toMatchObject({ id: "tiny", engine: "node-llama-cpp" });
    expect(await json("add", "far", "--base-url", "http://127.0.0.1:9/v1")).toMatchObject({ id: "far", object: "model" });
    await server.chat({ model: "tiny", messages: [{ role: "user", content: "hi" }], max_tokens: 2 });
    expect((await ingle("ps")).stdout).toMatch(/^ID +STATE +ADAPTER +PROCESSOR .*\ntiny +running +node-llama-cpp +processor /);
    expect(await ingle("stop", "tiny")).toEqual({ code: 0, stdout: "tiny is not loaded any more.\n", stderr: "" });
    expect(await json("ps")).toEqual([]);
    expect(await json("stop", "tiny")).toEqual({ id: "tiny", object: "model", state: "stopped" });
    expect(await ingle("stop", "tony")).toMatchObject({ code: 1, stderr: expect.stringContaining('Did you mean "tiny"?') });
    expect(await json("rm", "tiny")).toMatchObject({ id: "tiny", deleted: true });
  },
  SLOW,
);
