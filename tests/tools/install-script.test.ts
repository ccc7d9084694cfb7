// The script that installs an executable, from a server of this machine and with an executable that is a script.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST } from "../../tools/compile/targets.ts";
import { run, type Ended } from "../support/program.ts";

const SCRIPT = join(import.meta.dirname, "../../tools/package/install.sh");
const NAME = `ingle-1.2.3-${HOST}`;
const PROGRAM = "#!/bin/sh\necho 1.2.3\n";
const sumOf = (text: string): string => createHash("sha256").update(text).digest("hex");

let folder: string;
let files: Record<string, string>;
let server: ReturnType<typeof Bun.serve>;
let to: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ingle-script-"));
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const text = files[new URL(request.url).pathname.slice("/v1.2.3/".length)];
      return text === undefined ? new Response("no", { status: 404 }) : new Response(text);
    },
  });
});
afterAll(async () => {
  await server?.stop(true);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  to = join(await mkdtemp(join(folder, "to-")), "bin");
  files = { [NAME]: PROGRAM, SHA256SUMS: `${"0".repeat(64)}  ingle-1.2.3.tgz\n${sumOf(PROGRAM)}  ${NAME}\n` };
});

const install = (...words: string[]): Promise<Ended> => run(["sh", SCRIPT, ...words], { env: { HOME: folder } });
const fromServer = (...words: string[]): Promise<Ended> => install(`${server.url.origin}/v1.2.3`, to, ...words);

describe.skipIf(process.platform === "win32")("the install script", () => {
  test("puts the executable in its place, and says where", async () => {
    const { code, stdout } = await fromServer();
    expect([code, stdout.split("\n")[0]]).toEqual([0, `ingle 1.2.3 is ${to}/ingle`]);
    expect(stdout).toContain("is not on your PATH");
    expect((await run([join(to, "ingle"), "--version"])).stdout).toBe("1.2.3\n");
    expect((await stat(join(to, "ingle"))).mode & 0o777).toBe(0o755);
    expect(await readdir(to)).toEqual(["ingle"]);
  });

  test("takes a folder too, and ~/.local/bin where none is named", async () => {
    const release = await mkdtemp(join(folder, "release-"));
    for (const [name, text] of Object.entries(files)) await writeFile(join(release, name), text);
    expect((await install(release)).code).toBe(0);
    expect(existsSync(join(folder, ".local/bin/ingle"))).toBe(true);
  });

  const REFUSED: [string, () => void, RegExp][] = [
    ["a file with another sum", () => (files[NAME] += "true\n"), /is not the file that SHA256SUMS names\. Nothing was changed/],
    ["a release without sums", () => delete files["SHA256SUMS"], /SHA256SUMS cannot be fetched/],
    [
      "one without this machine",
      () => (files["SHA256SUMS"] = `${sumOf(PROGRAM)}  ingle-1.2.3-plan9-x64\n`),
      /has no executable for/,
    ],
    ["one with two for it", () => (files["SHA256SUMS"] += `${sumOf(PROGRAM)}  ingle-1.2.4-${HOST}\n`), /has several executables/],
    ["a file that is not there", () => delete files[NAME], /cannot be fetched/],
    ["one that does not run here", () => setProgram("#!/nowhere\n"), /does not run on this machine\. Nothing was changed/],
  ];
  test.each(REFUSED)("refuses %s and leaves what was there", async (_, change, says) => {
    change();
    await mkdir(to, { recursive: true });
    await writeFile(join(to, "ingle"), "the old one");
    const { code, stderr } = await fromServer();
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
    expect(await readdir(to)).toEqual(["ingle"]);
    expect(await readFile(join(to, "ingle"), "utf8")).toBe("the old one");
  });

  test("says how it is called", async () => {
    expect(await install()).toMatchObject({ code: 1, stderr: expect.stringContaining("sh install.sh FROM [TO]") });
  });
});

function setProgram(text: string): void {
  files[NAME] = text;
  files["SHA256SUMS"] = `${sumOf(text)}  ${NAME}\n`;
}
