// Weights whose bytes change while their length stays: found by their times, or by `ingle check --weights`, and repaired by `ingle pull`.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { framesOf } from "../support/frames.ts";
import { sha256, startHub, type Hub } from "../support/hub.ts";
import { run } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { eventually, MAIN, startServer, type Server } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 240_000;
/** Enough for a thread of its own. */
const PADDING = 17 << 20;
const BYTES = padded(tinyGguf());
const GOOD = { size: BYTES.length, sha256: sha256(BYTES) };
const root = mkdtempSync(join(tmpdir(), "ingle-damaged-weights-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Engines do not look at what comes after the last tensor. */
function padded(model: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(model.length + PADDING);
  bytes.set(model);
  return bytes;
}

/** The same length, and another end of the tensors. */
function damage(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes).fill(0, 400_000, 470_000);
}

describe.each(runtimes().map((runtime) => [runtime.name, runtime] as const))("on %s", (name, runtime) => {
  const inTime = (what: string, work: () => Promise<void>) => test.skipIf(runtime.skip !== undefined)(what, work, SLOW);
  let hub: Hub;
  beforeAll(async () => void (hub = await startHub({ "/tiny.gguf": BYTES })));
  afterAll(() => hub.close());
  let count = 0;

  /** A data folder with the model "tiny", fetched from the hub, and a file that can be used in place. */
  function house() {
    const folder = join(root, `${name}-${count++}`);
    const data = join(folder, "data");
    const weights = join(data, "weights/tiny/tiny.gguf");
    const note = `${weights}.sha256.json`;
    const own = join(root, `${name}-own.gguf`);
    const ingle = (...words: string[]) => run([...runtime.command, MAIN, ...words, "--data", data]);
    const serve = () => startServer(runtime, ["--allow-private"], { data });
    return { data, weights, note, own, ingle, serve };
  }

  const client = ({ url, chat }: Server) => {
    const models = async (path: string, body?: object): Promise<any> => {
      const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      return (await fetch(`${url}/v1/models${path}`, init)).json();
    };
    const ask = async (more: object = {}) => {
      const res = await chat({
        model: "tiny",
        messages: [{ role: "user", content: "hi" }],
        max_tokens: 4,
        temperature: 0,
        ...more,
      });
      return { status: res.status, retry: res.headers.get("x-should-retry"), body: (await res.json()) as any };
    };
    const pull = async () => {
      const { downloaded } = await models("/download/tiny", {});
      if (!downloaded) await framesOf(await fetch(`${url}/v1/models/download/tiny/events`));
      return downloaded as boolean;
    };
    const state = async () => (await models("/tiny")).state as string;
    const becomes = (wanted: string) => eventually(`it is ${wanted}`, async () => (await state()) === wanted);
    const add = (more: object = {}) => models("", { id: "tiny", source_url: `${hub.url}/tiny.gguf`, ...more });
    return { models, ask, pull, state, becomes, add };
  };

  inTime("a change between two servers unloads the model, and pull repairs it", async () => {
    const { weights, note, serve, ingle } = house();
    let server = await serve();
    try {
      const { add, pull, ask } = client(server);
      await add(GOOD);
      expect(await pull()).toBe(false);
      expect((await ask()).status).toBe(200);
      expect(JSON.parse(readFileSync(note, "utf8"))).toMatchObject({ sha256: GOOD.sha256, expected: GOOD.sha256 });
    } finally {
      await server.stop();
    }
    writeFileSync(weights, damage(BYTES));
    server = await serve();
    try {
      const { ask, becomes, models, pull, state } = client(server);
      // The load goes on meanwhile.
      await ask();
      await becomes("damaged");
      const { status, body, retry } = await ask();
      expect([status, body.error.code, retry]).toEqual([500, "model_corrupted", "false"]);
      expect(body.error.message).toContain('Run "ingle pull tiny".');
      expect((await models("/tiny")).problem).toBe(body.error.message);
      expect((await ask({ stream: true })).status).toBe(500);
      const { stdout } = await ingle("list");
      expect(stdout).toMatch(/^tiny .* damaged$/m);
      for (const told of [stdout, (await ingle("show", "tiny")).stdout, (await ingle("ps")).stderr])
        expect(told).toContain('Run "ingle pull tiny".');
      const doctor = JSON.parse((await ingle("doctor", "--json", "--port", "0")).stdout);
      expect(doctor.findings).toContainEqual({ about: "models", state: "missing", says: body.error.message });
      expect((await ingle("pull", "tiny")).stdout).toBe("tiny is downloaded.\n");
      expect(Buffer.compare(readFileSync(weights), BYTES)).toBe(0);
      expect((await ask()).status).toBe(200);
      expect(await state()).toBe("running");
      expect(await pull()).toBe(true);
      expect(server.stderr.filter((line) => line.includes("a file is damaged"))).toHaveLength(1);
    } finally {
      await server.stop();
    }
  });

  inTime("a change under a loaded model, in place or by another file in its place, and one of its times alone", async () => {
    const { weights, own, serve } = house();
    const server = await serve();
    try {
      const { add, pull, ask, becomes, models, state } = client(server);
      await add(GOOD);
      await pull();
      for (const change of ["in place", "by a rename"]) {
        expect((await ask()).status).toBe(200);
        const times = statSync(weights);
        // Deno tells the time of the last change of an inode in whole seconds.
        await eventually("another second has begun", () => Date.now() > Math.floor(times.ctimeMs / 1000) * 1000 + 1_000);
        writeFileSync(own, damage(BYTES));
        if (change === "in place") writeFileSync(weights, damage(BYTES));
        else renameSync(own, weights);
        // What a copy with its times leaves: the change of the inode tells.
        utimesSync(weights, times.atime, times.mtime);
        await eventually(`the change ${change} is seen`, async () => (await ask()).status === 500);
        await becomes("damaged");
        expect(await pull()).toBe(false);
      }
      expect((await ask()).status).toBe(200);
      const before = readFileSync(`${weights}.sha256.json`, "utf8");
      // A restored copy: other times, the same bytes.
      copyFileSync(weights, own);
      renameSync(own, weights);
      await eventually("it was verified", async () => {
        expect((await ask()).status).toBe(200);
        return readFileSync(`${weights}.sha256.json`, "utf8") !== before;
      });
      expect(await state()).toBe("running");
      expect(await pull()).toBe(true);
      const after = readFileSync(`${weights}.sha256.json`, "utf8");
      await models("/tiny/stop", {});
      expect((await ask()).status).toBe(200);
      expect(readFileSync(`${weights}.sha256.json`, "utf8")).toBe(after);
      appendFileSync(weights, "x");
      await eventually("it has grown", async () => (await ask()).status === 500);
    } finally {
      await server.stop();
    }
  });

  inTime("a model of before that has no note is verified at its first load, and by pull", async () => {
    const { weights, note, serve } = house();
    let server = await serve();
    const first = client(server);
    await first.add(GOOD);
    await first.pull();
    await server.stop();
    rmSync(note);
    server = await serve();
    try {
      expect((await client(server).ask()).status).toBe(200);
      await eventually("it is noted", () => existsSync(note));
      expect(await client(server).pull()).toBe(true);
    } finally {
      await server.stop();
    }
    rmSync(note);
    writeFileSync(weights, damage(BYTES));
    server = await serve();
    try {
      // Nothing was loaded: the command itself looks.
      expect(await client(server).pull()).toBe(false);
      expect(Buffer.compare(readFileSync(weights), BYTES)).toBe(0);
    } finally {
      await server.stop();
    }
  });

  inTime("a file without a known sha256 is held to the one that it came with", async () => {
    const { weights, serve } = house();
    const server = await serve();
    try {
      const { add, pull, ask, becomes } = client(server);
      await add();
      await pull();
      writeFileSync(weights, damage(BYTES));
      await ask();
      await becomes("damaged");
      expect(await pull()).toBe(false);
      expect(Buffer.compare(readFileSync(weights), BYTES)).toBe(0);
      expect((await ask()).status).toBe(200);
    } finally {
      await server.stop();
    }
  });

  inTime("a file used in place is damaged until it is taken as it is, or is what it was again", async () => {
    const { data, own, serve, ingle } = house();
    const note = join(data, "weights/tiny", `${name}-own.gguf.sha256.json`);
    const isNoted = () => existsSync(note) && readFileSync(note, "utf8").includes(`"expected": "${sha256(readFileSync(own))}"`);
    writeFileSync(own, BYTES);
    const server = await serve();
    try {
      const { ask, becomes, state } = client(server);
      expect((await ingle("pull", own, "--id", "tiny")).code).toBe(0);
      for (const end of ["as it was", "as it is", "as it is, longer"]) {
        expect((await ask()).status).toBe(200);
        await eventually("its bytes are known", isNoted);
        writeFileSync(own, end === "as it is, longer" ? padded(BYTES) : damage(BYTES));
        await eventually("the change is seen", async () => (await ask()).status === 500);
        await becomes("damaged");
        const { message } = (await ask()).body.error;
        expect(message).toContain('"ingle pull PATH --id tiny"');
        expect(message).not.toContain(own);
        const { code, stderr } = await ingle("pull", "tiny");
        expect([code, stderr]).toEqual([1, expect.stringContaining(`"ingle pull ${own} --id tiny"`)]);
        expect((await ingle("list")).stdout).toContain(`"ingle pull ${own} --id tiny"`);
        if (end === "as it was") writeFileSync(own, BYTES);
        else expect((await ingle("pull", own, "--id", "tiny")).code).toBe(0);
        expect((await ask()).status).toBe(200);
        expect(await state()).toBe("running");
      }
    } finally {
      await server.stop();
    }
  });

  inTime("one bit under unchanged times is found by ingle check --weights, and repaired by pull", async () => {
    const { data, weights, serve, ingle } = house();
    const server = await serve();
    try {
      const { add, pull, ask, becomes } = client(server);
      await add(GOOD);
      await pull();
      expect((await ask()).status).toBe(200);
      expect(await ingle("check", "--weights")).toMatchObject({ code: 0, stderr: "Reading tiny.gguf of tiny …\n" });
      flipUnnoticed(weights);
      expect((await ingle("check")).code).toBe(0);
      for (const words of [["--weights"], []]) {
        const { code, stdout } = await ingle("check", ...words);
        expect([code, stdout]).toEqual([1, expect.stringContaining("damaged: weights/tiny/tiny.gguf: ")]);
        expect(stdout).toContain('Run "ingle pull tiny".');
      }
      // The server that runs hears of it.
      await eventually("it is seen", async () => (await ask()).status === 500);
      await becomes("damaged");
      expect((await ingle("pull", "tiny")).code).toBe(0);
      expect((await ask()).status).toBe(200);
    } finally {
      await server.stop();
    }
    flipUnnoticed(weights);
    const fixed = await ingle("check", "--weights", "--fix");
    expect([fixed.code, existsSync(weights), existsSync(join(data, "set-aside"))]).toEqual([1, true, false]);
    // What the owner has put back is no more damaged.
    flipUnnoticed(weights);
    utimesSync(weights, 1, 1);
    expect((await ingle("check")).code).toBe(0);
    flipUnnoticed(weights);
    expect((await ingle("check", "--weights", "--fix")).code).toBe(1);
    expect(await ingle("pull", "tiny", "--allow-private")).toMatchObject({ code: 0, stdout: "tiny is downloaded.\n" });
    expect(await ingle("check", "--weights")).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing is wrong") });

    /** As a disk does it: in the note stand the times that the file has. */
    function flipUnnoticed(path: string): void {
      const bytes = readFileSync(path);
      bytes[420_000]! ^= 1;
      writeFileSync(path, bytes);
      const { size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
      const noted = JSON.parse(readFileSync(`${path}.sha256.json`, "utf8"));
      const stamp = JSON.stringify([size, mtimeNs, ctimeNs].map(String));
      writeFileSync(`${path}.sha256.json`, JSON.stringify({ ...noted, stamp }));
    }
  });
});
