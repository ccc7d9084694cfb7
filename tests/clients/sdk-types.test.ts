// The types of the official Python client, which can be told to refuse an answer that is not of them; each field of theirs has to be there.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pythonClient } from "../support/python.ts";
import { runtimes } from "../support/runtimes.ts";
import { startServer, type Server } from "../support/server.ts";

const SLOW = 300_000;
const SCRIPT = fileURLToPath(new URL("../support/sdk_python_types.py", import.meta.url));

const python = await pythonClient();
const skip = "skip" in python ? python.skip : undefined;

describe.skipIf(skip !== undefined)(`by the Python client${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  const outcomes = new Map<string, string>();
  let server: Server;
  beforeAll(async () => {
    if (!("python" in python)) return;
    server = await startServer(
      runtimes().find(({ name }) => name === "bun")!,
      ["--adapter", "echo"],
    );
    const { stdout } = await promisify(execFile)(python.python, ["-W", "ignore", SCRIPT, server.url], { timeout: SLOW });
    for (const line of stdout.trim().split("\n")) outcomes.set(...(line.split("\t") as [string, string]));
  }, SLOW);
  afterAll(async () => void (await server?.stop("SIGKILL")));

  const CHECKS = ["an assistant", "a thread", "a message", "a model", "an answer"];
  test.each(CHECKS)("%s is of its type", (name) => expect(outcomes.get(`${name} is of its type`)).toBe("ok"));
  test("no check of the script is left out here", () => expect(outcomes.size).toBe(CHECKS.length));
});
