// A data folder that was copied or moved while a process holds the original: the lock in the copy binds nobody, and the original stays as it is.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { LOCK_FILE, MARKER } from "../../src/storage/file-names.ts";
import { createFolderProof } from "../../src/storage/lock/folder-proof.ts";
import { thisProcess, type Holder } from "../../src/storage/lock/holder.ts";
import { smallDisk, type SmallDisk } from "../support/folder.ts";
import { withLibrary } from "../support/library.ts";
import { run, RUNTIME } from "../support/program.ts";
import { record } from "../support/record.ts";
import { runtimes, type Runtime } from "../support/runtimes.ts";
import { MAIN, startServer } from "../support/server.ts";

const SLOW = 120_000;
const root = mkdtempSync(join(tmpdir(), "ingle-copied-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const modelsIn = (data: string): string[] => readdirSync(join(data, "models")).toSorted();
const holderOf = (data: string): Holder => JSON.parse(readFileSync(join(data, LOCK_FILE), "utf8"));
const BOTH = ["kept.json", "mine.json"];
const SPARE = `${LOCK_FILE}.spare.proof`;

/** A data folder with two models, and a server that holds it. */
async function served(runtime: Runtime = RUNTIME, data = join(mkdtempSync(join(root, "folders-")), "A")) {
  const weights = join(root, "mine.gguf");
  writeFileSync(weights, "GGUF");
  await withLibrary(data, async (library) => {
    await library.add(record("mine", weights));
    await library.add(record("kept", weights));
  });
  const server = await startServer(runtime, [], { data, env: { INGLE_KEY: "a-key-of-the-server" } });
  const ingle = (...words: string[]) => run([...runtime.command, MAIN, ...words]);
  const post = (path: string, body: object, headers: object) =>
    fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  return { data, copy: `${data}-copy`, server, ingle, post };
}

describe.each(runtimes())("on $name", (runtime) => {
  const { skip } = runtime;
  const inTime = (name: string, work: () => Promise<void>) =>
    test.skipIf(skip !== undefined)(skip === undefined ? name : `${name} (skipped: ${skip})`, work, SLOW);

  inTime("a command on a copy of a served folder changes the copy, and one on the original asks the server", async () => {
    const { data, copy, server, ingle } = await served(runtime);
    try {
      cpSync(data, copy, { recursive: true });
      expect(modelsIn(copy)).toEqual(BOTH);
      expect(await ingle("rm", "mine", "--data", copy)).toEqual({ code: 0, stdout: "mine is removed.\n", stderr: "" });
      expect([modelsIn(data), modelsIn(copy)]).toEqual([BOTH, ["kept.json"]]);
      expect(existsSync(join(copy, LOCK_FILE))).toBe(false);

      expect(await ingle("rm", "kept", "--data", data)).toEqual({ code: 0, stdout: "kept is removed.\n", stderr: "" });
      expect([modelsIn(data), modelsIn(copy)]).toEqual([["mine.json"], ["kept.json"]]);
      // Nothing of the proof is left.
      expect(readdirSync(data).filter((name) => name.startsWith(LOCK_FILE))).toEqual([LOCK_FILE, SPARE]);
      await server.stop();
      expect(readdirSync(data).filter((name) => name.startsWith(LOCK_FILE))).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  inTime("a command reaches the server of its machine without the proxy that its environment names", async () => {
    const { data, server } = await served(runtime);
    let proxied = 0;
    const proxy = createServer((_, response) => (proxied++, response.writeHead(502).end()));
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const names = ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"];
    const env = { ...Object.fromEntries(names.map((name) => [name, url])), NODE_USE_ENV_PROXY: "1" };
    try {
      const ended = await run([...runtime.command, MAIN, "rm", "mine", "--data", data], { env });
      expect([proxied, ended]).toEqual([0, { code: 0, stdout: "mine is removed.\n", stderr: "" }]);
    } finally {
      proxy.close();
      await server.stop();
    }
  });
});

const inTime = (name: string, work: () => Promise<void>) => test(name, work, SLOW);

/** For the time of `work`. */
async function withServer(work: (served_: Awaited<ReturnType<typeof served>>) => Promise<void>, data?: string): Promise<void> {
  const served_ = await served(RUNTIME, data);
  try {
    await work(served_);
  } finally {
    await served_.server.stop();
  }
}

describe("beside a server", () => {
  inTime("a second one may hold a copy of its folder", () =>
    withServer(async ({ data, copy, server }) => {
      cpSync(data, copy, { recursive: true });
      const second = await startServer(RUNTIME, [], { data: copy });
      expect(holderOf(copy).pid).toBe(second.pid);
      expect(await second.stop()).toBe(0);
      expect(holderOf(data).pid).toBe(server.pid);
    }),
  );

  inTime("a folder that was moved is still the server's, which does not see it there: it is only read", () =>
    withServer(async ({ data, copy, server, ingle }) => {
      renameSync(data, copy);
      expect(await ingle("list", "--data", copy)).toMatchObject({ code: 0, stdout: expect.stringContaining("mine"), stderr: "" });
      expect(await ingle("rm", "mine", "--data", copy)).toEqual({
        ...{ code: 1, stdout: "" },
        stderr: `The data folder is in use by "ingle serve", process ${server.pid} at ${server.url}. It does not see this folder, which was moved. Stop it first.\n`,
      });
      expect(modelsIn(copy)).toEqual(BOTH);
      renameSync(copy, data);
    }),
  );

  inTime("the copy of a folder whose server was killed is opened as it is", async () => {
    const { data, copy, server, ingle } = await served();
    await server.stop("SIGKILL");
    cpSync(data, copy, { recursive: true });
    expect(await ingle("rm", "mine", "--data", copy)).toMatchObject({ code: 0, stderr: "" });
    expect([modelsIn(data), modelsIn(copy)]).toEqual([BOTH, ["kept.json"]]);
  });

  inTime("its lock holds no key", () =>
    withServer(async ({ data }) => {
      const fields = ["command", "folder", "pid", "place", "started", "token", "url"];
      expect(Object.keys(holderOf(data)).toSorted()).toEqual(fields);
    }),
  );
});

let files = 0;
/** Takes every name that the disk has left. */
function fillNames(folder: string): void {
  expect(() => {
    for (;;) writeFileSync(join(folder, `filler-${files++}`), "");
  }).toThrow("ENOSPC");
}

const whole = smallDisk();
const why = typeof whole === "string" ? ` (skipped: ${whole})` : "";
if (typeof whole !== "string") whole.unmount();

describe.skipIf(why !== "")(`on a disk${why}`, () => {
  const onDisk = (
    name: string,
    options: string,
    work: (disk: SmallDisk, served_: Awaited<ReturnType<typeof served>>) => Promise<void>,
  ) =>
    inTime(name, async () => {
      const disk = smallDisk(options) as SmallDisk;
      try {
        await withServer((served_) => work(disk, served_), join(disk.path, "A"));
      } finally {
        disk.unmount();
      }
    });

  onDisk(
    "that has no room for one more name, rm asks the server all the same",
    "size=1m,nr_inodes=40",
    async ({ path }, { data, ingle }) => {
      fillNames(path);
      const marker = statSync(join(data, MARKER));
      expect(await ingle("rm", "mine", "--data", data)).toEqual({ code: 0, stdout: "mine is removed.\n", stderr: "" });
      expect(modelsIn(data)).toEqual(["kept.json"]);
      expect(Math.floor(statSync(join(data, MARKER)).mtimeMs)).toBe(Math.floor(marker.mtimeMs));
    },
  );

  onDisk("that is full, rm asks the server", "size=1m", async ({ path }, { data, ingle }) => {
    expect(() => writeFileSync(join(path, "filler"), Buffer.alloc(2 ** 20))).toThrow("ENOSPC");
    expect(await ingle("rm", "mine", "--data", data)).toEqual({ code: 0, stdout: "mine is removed.\n", stderr: "" });
    expect(modelsIn(data)).toEqual(["kept.json"]);
  });

  for (const [kind, flag] of [
    ["hard links", "-al"],
    ["symbolic links", "-as"],
  ] as const) {
    const full = "size=1m,nr_inodes=80";
    onDisk(
      `that has no room for one more name, a command in a copy of ${kind} never reaches the original`,
      full,
      async (disk, house) => {
        const { data, copy, ingle } = house;
        spawnSync("cp", [flag, data, copy]);
        fillNames(disk.path);
        await ingle("rm", "mine", "--data", copy);
        expect(modelsIn(data)).toEqual(BOTH);
        // The original's commands are not disturbed.
        rmSync(copy, { recursive: true });
        fillNames(disk.path);
        expect(await ingle("rm", "mine", "--data", data)).toEqual({ code: 0, stdout: "mine is removed.\n", stderr: "" });
      },
    );
  }

  onDisk("that is full and has no server, rm makes room", "size=1m", async ({ path }, { data, server, ingle }) => {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const served_ = signal === "SIGTERM" ? server : await startServer(RUNTIME, [], { data });
      await served_.stop(signal);
      expect(() => writeFileSync(join(path, "filler"), Buffer.alloc(2 ** 20))).toThrow("ENOSPC");
      const id = signal === "SIGTERM" ? "mine" : "kept";
      expect(await ingle("rm", id, "--data", data)).toEqual({ code: 0, stdout: `${id} is removed.\n`, stderr: "" });
      expect(readdirSync(data).filter((name) => name.startsWith(LOCK_FILE))).toEqual([]);
      rmSync(join(path, "filler"));
    }
    expect(modelsIn(data)).toEqual([]);
  });

  onDisk(
    "that became read-only, a command that reads does so, and one that writes says why not",
    "size=1m",
    async (disk, { data, ingle }) => {
      disk.readOnly();
      for (const words of [["list"], ["show", "mine"], ["ps"], ["check"]]) {
        expect([words, await ingle(...words, "--data", data)]).toEqual([words, expect.objectContaining({ code: 0 })]);
      }
      expect(await ingle("rm", "mine", "--data", data)).toEqual({
        ...{ code: 1, stdout: "" },
        stderr: `The data folder ${data} cannot be used: it is on a read-only disk. Mend that, or choose another with --data.\n`,
      });
    },
  );
});

describe("a lock", () => {
  /** Held by this very process; `said` are the paths that its server was asked for. */
  async function heldAt(url: string | undefined, more: object = {}) {
    const data = join(mkdtempSync(join(root, "held-")), "A");
    await withLibrary(data, (library) => library.add(record("mine", join(root, "mine.gguf"))));
    const holder = { ...thisProcess("serve"), ...(url && { url }), ...more };
    writeFileSync(join(data, LOCK_FILE), JSON.stringify(holder));
    return data;
  }
  const ingle = (...words: string[]) => run([...RUNTIME.command, MAIN, ...words]);

  inTime("whose server says nothing of its folder, being older, stops every command that would ask it", async () => {
    const asked: string[] = [];
    const old = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization}`);
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"code":"unknown_url"}}');
    });
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    try {
      const data = await heldAt(`http://127.0.0.1:${(old.address() as AddressInfo).port}`, { key: "of-an-older-version" });
      for (const words of [["rm", "mine"], ["list"]]) {
        const { code, stderr } = await ingle(...words, "--data", data);
        expect([code, stderr]).toEqual([
          1,
          expect.stringMatching(
            /^The data folder is in use by .* It does not say whether it holds this folder \(HTTP 404\)\. Stop it .*\.\n$/,
          ),
        ]);
      }
      expect(asked).toEqual(Array(2).fill("/v1/data-folder/key undefined"));
      expect(modelsIn(data)).toEqual(["mine.json"]);
    } finally {
      old.close();
    }
  });

  inTime("of a command that serves nothing lets others read, and wait", async () => {
    const own = await heldAt(undefined);
    expect(await ingle("list", "--data", own)).toMatchObject({ code: 0, stderr: "" });
    expect(await ingle("rm", "mine", "--data", own)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Wait for it to end."),
    });
  });
});

describe("the proof that a command is in the server's folder", () => {
  const KEY = "the-key-of-the-commands";
  const folder = (): string => mkdtempSync(join(root, "proof-"));
  const digestOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");
  const mark = (at: string, secret: string): string => {
    const path = join(at, `${LOCK_FILE}.${digestOf(secret)}.proof`);
    writeFileSync(path, secret, { mode: 0o600 });
    return path;
  };
  const SECRET = "0a".repeat(32);

  test("is a file with a secret, named after its digest; what is answered can be read with the secret alone", async () => {
    const own = folder();
    const sealKey = createFolderProof(own, KEY);
    mark(own, SECRET);
    const sealed = await sealKey(digestOf(SECRET));
    expect(sealed).toMatch(/^[\w-]+$/);
    expect(Buffer.from(sealed!, "base64url").includes(KEY)).toBe(false);
    expect(await sealKey(digestOf(SECRET))).not.toBe(sealed);
    expect(await sealKey(digestOf("another"))).toBeUndefined();
  });

  test("is none where it is a link, a folder, longer, or not what its name says", async () => {
    const own = folder();
    const sealKey = createFolderProof(own, KEY);
    const path = mark(own, SECRET);
    const elsewhere = mark(folder(), SECRET);
    const cases: [string, () => void][] = [
      ["a symbolic link", () => symlinkSync(elsewhere, path)],
      ["a hard link", () => linkSync(elsewhere, path)],
      ["a folder", () => mkdirSync(path)],
      ["longer", () => writeFileSync(path, `${SECRET}0`)],
      ["another secret", () => writeFileSync(path, SECRET.replace("0", "1"))],
    ];
    expect(await sealKey(digestOf(SECRET))).toBeDefined();
    for (const [what, make] of cases) {
      rmSync(path, { recursive: true });
      make();
      expect([what, await sealKey(digestOf(SECRET))]).toEqual([what, undefined]);
    }
  });

  inTime("is asked of the server too: what another program answers at its port is not believed", async () => {
    const asked: string[] = [];
    const fake = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization}`);
      response.end('{"sealed_key":"c29tZXRoaW5nIHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gYmUgYSBzZWFsZWQga2V5"}');
    });
    await new Promise<void>((resolve) => fake.listen(0, "127.0.0.1", resolve));
    try {
      const data = folder();
      const url = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`;
      writeFileSync(join(data, MARKER), '{"format": 1}');
      writeFileSync(join(data, LOCK_FILE), JSON.stringify({ ...thisProcess("serve"), url }));
      const ended = await run([...RUNTIME.command, MAIN, "run", "tiny", "a secret", "--data", data]);
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("What answers there is another program") });
      expect(asked).toEqual(["/v1/data-folder/key undefined"]);
    } finally {
      fake.close();
    }
  });

  inTime("needs no API key, and no web page may ask for it", () =>
    withServer(async ({ data, post }) => {
      const ask = async (digest: string, headers = {}) => {
        const response = await post("/v1/data-folder/key", { digest }, headers);
        return { status: response.status, ...((await response.json()) as { sealed_key?: string; error?: object }) };
      };
      mark(data, SECRET);
      const digest = digestOf(SECRET);
      const page = { origin: "https://page.example" };
      expect(await ask(digest, page)).toMatchObject({ status: 403, error: { code: "origin_not_allowed" } });
      expect(await ask(digest)).toEqual({ status: 200, sealed_key: expect.stringMatching(/^[\w-]+$/) });
      expect(await ask(digestOf("another"))).toMatchObject({ status: 403, error: { code: "folder_not_held" } });
      expect(await ask("../ingle.json")).toMatchObject({ status: 400, error: { param: "digest" } });
    }),
  );
});
