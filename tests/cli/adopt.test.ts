// Models that other programs have: where each keeps them on each system, what is made of their names, and that they are used in place.
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { type AdoptableModel, findModels } from "../../models/adoptable/find-models.ts";
import { PROGRAM, run } from "../support/program.ts";
import { hasPython, inTerminal } from "../support/terminal.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const homes: string[] = [];
afterAll(() => Promise.all(homes.map((home) => rm(home, { recursive: true, force: true }))));

const WHOLE = tinyGguf({ template: "{{ messages }}" });
const OTHER = tinyGguf({ template: "{{ messages }}", context_length: 256 });
const LORA = tinyGguf({ type: "adapter" });
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function makeHome(files: Record<string, Uint8Array | string>): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "ingle-adopt-"));
  homes.push(home);
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), bytes);
  }
  return home;
}

const found = async (home: string, platform = "linux", env: Record<string, string> = {}) =>
  (await findModels({ env, home, platform })).filter(({ path }) => path.startsWith(home));
const named = (models: AdoptableModel[]) => models.map(({ program, id }) => [program, id]);

const ollama = (bytes: Uint8Array, ...more: string[]): string => {
  const layer = (kind: string, of: Uint8Array) => ({
    mediaType: `application/vnd.ollama.image.${kind}`,
    ...{ digest: `sha256:${sha256(of)}`, size: of.length },
  });
  return JSON.stringify({ schemaVersion: 2, layers: [layer("model", bytes), ...more.map((kind) => layer(kind, LORA))] });
};
const blob = (bytes: Uint8Array): string => `.ollama/models/blobs/sha256-${sha256(bytes)}`;
const MANIFESTS = ".ollama/models/manifests";

describe("the models of other programs", () => {
  test("of Hugging Face's cache have the name of their repository and file, of the newest snapshot", async () => {
    const home = await makeHome({});
    const repo = join(home, ".cache/huggingface/hub/models--org--some--name");
    await mkdir(join(repo, "blobs"), { recursive: true });
    await mkdir(join(repo, "refs"));
    await writeFile(join(repo, "refs/main"), "bbb\n");
    for (const [commit, bytes] of [
      ["aaa", OTHER],
      ["bbb", WHOLE],
    ] as const) {
      const folder = join(repo, "snapshots", commit);
      await mkdir(folder, { recursive: true });
      await writeFile(join(repo, "blobs", sha256(bytes)), bytes);
      await symlink(`../../blobs/${sha256(bytes)}`, join(folder, "m-Q4_K_M.gguf"));
      await symlink("../../blobs/gone", join(folder, "half.gguf"));
      await writeFile(join(folder, "mmproj-m.gguf"), "");
    }
    const [model, ...others] = await found(home);
    expect(others).toEqual([]);
    expect(model).toMatchObject({
      ...{ program: "Hugging Face", id: "org/some--name/m-Q4_K_M", size: WHOLE.length, quantization: "F32" },
      path: join(repo, "snapshots/bbb/m-Q4_K_M.gguf"),
    });
    expect(named(await found(home, "linux", { HF_HUB_CACHE: join(home, "nowhere") }))).toEqual([]);
    expect(await found(home, "linux", { HF_HOME: join(home, ".cache/huggingface") })).toHaveLength(1);
  });

  test("of Ollama have the names that Ollama gives them, each file once, and what cannot be used says why", async () => {
    const home = await makeHome({
      [`${MANIFESTS}/registry.ollama.ai/library/tiny/latest`]: ollama(WHOLE),
      [`${MANIFESTS}/registry.ollama.ai/library/tiny/1b`]: ollama(WHOLE, "template"),
      [`${MANIFESTS}/hf.co/org/repo-GGUF/Q8_0`]: ollama(OTHER),
      [`${MANIFESTS}/registry.ollama.ai/me/tuned/latest`]: ollama(LORA, "adapter"),
      [`${MANIFESTS}/registry.ollama.ai/library/cloudy/cloud`]: JSON.stringify({ layers: [] }),
      [`${MANIFESTS}/registry.ollama.ai/library/gone/1b`]: ollama(new Uint8Array(3)),
      [`${MANIFESTS}/registry.ollama.ai/library/evil/1b`]: JSON.stringify({
        layers: [{ mediaType: "application/vnd.ollama.image.model", digest: "sha256:../../../etc/passwd" }],
      }),
      [`${MANIFESTS}/registry.ollama.ai/library/odd/1b`]: "no JSON",
      ...{ [blob(WHOLE)]: WHOLE, [blob(OTHER)]: OTHER, [blob(LORA)]: LORA },
    });
    const models = await found(home);
    expect(models.map(({ id, problem }) => [id, problem])).toEqual([
      ["org/repo-GGUF:Q8_0", undefined],
      ["tiny:1b", undefined],
      ["me/tuned:latest", "Ollama lays changes (LoRA) over it, which are in another file."],
    ]);
    const elsewhere = { OLLAMA_MODELS: join(home, ".ollama/models") };
    expect(await found(home, "win32", elsewhere)).toHaveLength(3);
  });

  test("of LM Studio have the names of their folders, wherever its settings put them", async () => {
    const home = await makeHome({
      ".lmstudio/models/org/repo/a-Q4_0.gguf": WHOLE,
      ".lmstudio/models/org/repo/mmproj-a.gguf": LORA,
      ".cache/lm-studio/models/old/repo/b.gguf": OTHER,
      ".lmstudio/models/org/split/c-00001-of-00002.gguf": WHOLE.with(100, 1),
      ".lmstudio/models/org/lora/d.gguf": LORA,
    });
    const models = await found(home, "darwin");
    expect(named(models)).toEqual([
      ["LM Studio", "org/lora/d"],
      ["LM Studio", "org/repo/a-Q4_0"],
      ["LM Studio", "org/split/c"],
      ["LM Studio", "old/repo/b"],
    ]);
    expect(models[0]!.problem).toContain("adapter");
    expect(models[2]!.problem).toBe("Missing: c-00002-of-00002.gguf.");
    const moved = await makeHome({ "disk/org/repo/a.gguf": WHOLE });
    await mkdir(join(moved, ".lmstudio"));
    await writeFile(join(moved, ".lmstudio/settings.json"), JSON.stringify({ downloadsFolder: join(moved, "disk") }));
    expect(named(await found(moved))).toEqual([["LM Studio", "org/repo/a"]]);
  });

  test.each([
    ["linux", ".local/share/Jan/data/llamacpp/models"],
    ["linux", ".config/Jan/data/models"],
    ["linux", ".var/app/ai.jan.Jan/data/Jan/data/llamacpp/models"],
    ["linux", "jan/models"],
    ["darwin", "Library/Application Support/Jan/data/llamacpp/models"],
    ["win32", "AppData/Roaming/Jan/data/llamacpp/models"],
  ])("of Jan on %s in %s have the names of their folders", async (platform, folder) => {
    const home = await makeHome({
      [`${folder}/Qwen3-4B-Q4/model.gguf`]: WHOLE,
      [`${folder}/Qwen3-4B-Q4/mmproj.gguf`]: LORA,
      [`${folder}/org/other.gguf`]: OTHER,
    });
    expect(named(await found(home, platform))).toEqual([
      ["Jan", "Qwen3-4B-Q4"],
      ["Jan", "org/other"],
    ]);
  });

  test.each([
    ["linux", ".config/Jan"],
    ["linux", ".local/share/jan.ai.app"],
    ["linux", ".var/app/ai.jan.Jan/data/jan.ai.app"],
    ["darwin", "Library/Application Support/Jan"],
    ["darwin", "Library/Application Support/jan.ai.app"],
    ["win32", "AppData/Roaming/jan.ai.app"],
  ])("of Jan on %s in a folder that was chosen are found by its settings in %s", async (platform, folder) => {
    const home = await makeHome({ "disk/llamacpp/models/m/model.gguf": WHOLE });
    await mkdir(join(home, folder), { recursive: true });
    await writeFile(join(home, folder, "settings.json"), JSON.stringify({ data_folder: join(home, "disk") }));
    expect(named(await found(home, platform))).toEqual([["Jan", "m"]]);
  });

  test("that several programs have by links are those of the first", async () => {
    const home = await makeHome({ ".lmstudio/models/org/repo/a.gguf": WHOLE, "jan/models/other/model.gguf": OTHER });
    await mkdir(join(home, "jan/models/a"));
    await symlink(join(home, ".lmstudio/models/org/repo/a.gguf"), join(home, "jan/models/a/model.gguf"));
    // A link to a folder may lead round in a circle.
    await symlink(home, join(home, "jan/models/round"));
    expect(named(await found(home))).toEqual([
      ["LM Studio", "org/repo/a"],
      ["Jan", "other"],
    ]);
  });

  test("that are damaged say so", async () => {
    const home = await makeHome({ "jan/models/bad/model.gguf": "no model", "jan/models/cut/model.gguf": WHOLE.slice(0, 9_000) });
    const problems = (await found(home)).map(({ problem }) => problem);
    expect(problems).toEqual([expect.stringContaining("GGUF"), expect.stringContaining("The file is cut")]);
  });
});

const placesIn = (home: string) => ({
  ...{ XDG_CACHE_HOME: join(home, ".cache"), XDG_DATA_HOME: join(home, ".local/share"), XDG_CONFIG_HOME: join(home, ".config") },
  INGLE_DATA: join(home, "ingle"),
});

describe("ingle adopt", () => {
  const make = async () => {
    const home = await makeHome({
      [`${MANIFESTS}/registry.ollama.ai/library/tiny/1b`]: ollama(WHOLE),
      [blob(WHOLE)]: WHOLE,
      ".lmstudio/models/org/repo/a.gguf": OTHER,
      "jan/models/bad/model.gguf": "no model",
    });
    const env = { HOME: home, ...placesIn(home) };
    return { home, env, ingle: (...words: string[]) => run([...PROGRAM, ...words], { env }) };
  };

  test(
    "shows first what it would use, changes nothing, and with --yes uses it where it lies",
    async () => {
      const { home, ingle } = await make();
      const dry = await ingle("adopt");
      expect(dry.stdout.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
        ["ID", "PROGRAM", "SIZE", "QUANTISATION", "STATE"],
        ["tiny:1b", "Ollama", "474 kB", "F32", "new"],
        ["org/repo/a", "LM Studio", "474 kB", "F32", "new"],
        ["bad", "Jan", "0.0 kB", "?", "unusable"],
        [expect.stringMatching(/^bad: .*GGUF/)],
        [""],
      ]);
      expect(dry).toMatchObject({
        code: 0,
        stderr: 'Nothing was changed. "ingle adopt --yes" uses the new ones where they lie.\n',
      });
      expect(await readdir(home)).not.toContain("ingle");
      const { code, stdout } = await ingle("adopt", "--yes", "--json");
      expect([code, JSON.parse(stdout).map(({ id, state }: { id: string; state: string }) => [id, state])]).toEqual([
        0,
        [
          ["tiny:1b", "adopted"],
          ["org/repo/a", "adopted"],
          ["bad", "unusable"],
        ],
      ]);
      const { stdout: shown } = await ingle("show", "tiny:1b", "--json");
      expect(JSON.parse(shown)).toMatchObject({ state: "stopped", source_url: `file://${join(home, blob(WHOLE))}` });
      expect((await ingle("run", "tiny:1b", "hi", "--max-tokens", "2")).code).toBe(0);
      expect((await ingle("adopt")).stderr).toBe("None of them is new.\n");
      expect((await stat(join(home, blob(WHOLE)))).size).toBe(WHOLE.length);
      expect((await ingle("rm", "tiny:1b")).code).toBe(0);
      expect((await stat(join(home, blob(WHOLE)))).size).toBe(WHOLE.length);
    },
    SLOW,
  );

  test(
    "takes no name from a model that has it, and says how to give another",
    async () => {
      const { home, ingle } = await make();
      const own = join(home, "own.gguf");
      await writeFile(own, OTHER);
      await ingle("pull", own, "--id", "tiny:1b");
      const { stdout } = await ingle("adopt");
      expect(stdout).toMatch(/^tiny:1b +Ollama .* unusable$/m);
      const remedy = /^tiny:1b: Another model is called tiny:1b\. Name this one: "ingle (.*) NAME"\.$/m.exec(stdout)?.[1];
      expect(
        (await run(["sh", "-c", `"$@" ${remedy} again`, "sh", ...PROGRAM], { env: { INGLE_DATA: join(home, "ingle") } })).code,
      ).toBe(0);
    },
    SLOW,
  );

  test("says where it has looked in vain", async () => {
    const home = await makeHome({});
    const env = { HOME: home, ...placesIn(home) };
    const { code, stdout, stderr } = await run([...PROGRAM, "adopt"], { env });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("Ollama, LM Studio or Jan"),
    });
  });

  test("says that it may not look, and not that there is nothing", async () => {
    const home = await makeHome({ file: "" });
    const env = { ...placesIn(home), HOME: join(home, "file"), INGLE_DATA: join(home, "ingle") };
    const { code, stderr } = await run([...PROGRAM, "adopt"], { env });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`${join(home, "file")} cannot be looked into: ENOTDIR`),
    });
  });

  test.skipIf(!hasPython())(
    "asks at a terminal",
    async () => {
      const { env, ingle } = await make();
      const at = (keys: string) =>
        inTerminal(100, [...PROGRAM, "adopt"], env, [["Use the 2 new ones, 9\\d\\d kB, where they lie\\? .*\\[Y/n\\] ", keys]]);
      expect(await at("n\r")).toMatchObject({ code: 0, missing: null, output: expect.stringContaining("Nothing was changed.") });
      expect(await at("\r")).toMatchObject({
        code: 0,
        missing: null,
        output: expect.stringMatching(/tiny:1b +Ollama .*adopted/),
      });
      expect((await ingle("list")).stdout).toMatch(/^tiny:1b .* installed$/m);
    },
    SLOW,
  );
});

test.skipIf(process.getuid?.() === 0)("a file of another user is not read", async () => {
  const home = await makeHome({ "jan/models/m/model.gguf": WHOLE });
  await chmod(join(home, "jan/models/m/model.gguf"), 0);
  expect((await found(home))[0]!.problem).toBe("This user may not read it.");
});
