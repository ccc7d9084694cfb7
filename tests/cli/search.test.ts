// Models that somebody looks for: on the hub, in the catalogue, and by asking for one that is not here.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { searchHub } from "../../models/sources/hub-search.ts";
import { makeModel } from "../support/app.ts";
import { withLibrary } from "../support/library.ts";
import { PROGRAM, run } from "../support/program.ts";
import { hasPython, inTerminal, type Step } from "../support/terminal.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SLOW = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ingle-search-"));
const BYTES = tinyGguf({ template: "{{ messages }}" });
const asked: URL[] = [];
let answer: () => Response;
const FOUND = [
  { id: "org/Qwen-Coder-GGUF", downloads: 12_000, likes: 34, tags: ["gguf", "license:apache-2.0"] },
  { id: "org/plain-GGUF" },
  { id: "org/bad name\u001b[31m", downloads: 1 },
];
const usual = (): Response => Response.json(FOUND);
const hub = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/api/models")) {
      asked.push(url);
      return answer();
    }
    return url.pathname.endsWith(".gguf") ? new Response(BYTES) : new Response("", { status: 404 });
  },
});
answer = usual;
afterEach(() => {
  answer = usual;
  asked.length = 0;
});
afterAll(async () => {
  await hub.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const envOf = () => {
  const data = join(folder, String(count++));
  return { INGLE_DATA: data, HF_ENDPOINT: hub.url.origin, INGLE_DOWNLOAD_HOSTS: "127.0.0.1" };
};

describe("ingle search", () => {
  const search = (...words: string[]) => run([...PROGRAM, "search", ...words], { env: envOf() });

  test(
    "names what the catalogue and the hub have with the words, and how to fetch the first",
    async () => {
      const { code, stdout, stderr } = await search("qwen3", "4b");
      expect(asked[0]!.searchParams.toString()).toBe("search=qwen3+4b&filter=gguf&sort=downloads&direction=-1&limit=20");
      expect(stdout.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
        ["NAME", "SIZE", "DOWNLOADS", "LIKES", "LICENCE"],
        ["qwen3-4b", "2.5 GB", "Apache-2.0"],
        ["hf:org/Qwen-Coder-GGUF", "12000", "34", "apache-2.0"],
        ["hf:org/plain-GGUF", "0", "0", "?"],
        [""],
      ]);
      expect([code, stderr]).toEqual([0, '"ingle pull qwen3-4b" fetches the first.\n']);
      expect(JSON.parse((await search("coder", "--json")).stdout)[0]).toEqual({
        ...{ name: "hf:org/Qwen-Coder-GGUF", size: null },
        ...{ downloads: 12_000, likes: 34, license: "apache-2.0" },
      });
    },
    SLOW,
  );

  test.each<[string, () => Response, string[], number, string]>([
    ["nothing", () => Response.json([]), ["nothing-at-all"], 0, 'Nothing with GGUF files has "nothing-at-all" in its name.'],
    ["a hub that fails", () => new Response("", { status: 503 }), ["x"], 1, "answered 503 to the search."],
    ["no hub", () => new Response("<html>"), ["x"], 1, "did not answer with a list of models. Is it a mirror of the hub?"],
    ["an endless answer", () => new Response("[".repeat(5e6)), ["x"], 1, "did not answer with a list of models."],
    ["no network", usual, ["x", "--offline"], 1, "offline"],
    ["no words", usual, [], 2, "WORDS"],
  ])(
    "says a sentence about %s",
    async (_, made, words, code, says) => {
      answer = made;
      const ended = await search(...words);
      expect(ended).toEqual({ code, stdout: "", stderr: expect.stringContaining(says) });
    },
    SLOW,
  );

  test("asks no address within this network that nobody has named", async () => {
    const options = { hf_endpoint: hub.url.origin, fetch: async () => Response.redirect(`http://10.0.0.1/api`) };
    expect(searchHub("x", 3, options, AbortSignal.timeout(SLOW))).rejects.toThrow(/10\.0\.0\.1|not fetched|private/);
  });
});

describe("a pull without a name", () => {
  test(
    "shows what there is, and what is the best here, where nobody can be asked",
    async () => {
      const { code, stdout, stderr } = await run([...PROGRAM, "pull"], { env: envOf() });
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^\d+ +qwen3-4b +2\.5 GB +\S/m);
      expect(stderr).toContain("the best for this memory");
      expect(stderr).toEndWith('Which one? Name it, as in "ingle pull qwen3-4b".\n');
    },
    SLOW,
  );
});

const python = hasPython() ? undefined : "skipped: python3 is not on this machine";
describe.skipIf(python !== undefined)(`at a terminal${python ? ` (${python})` : ""}`, () => {
  const sha256 = createHash("sha256").update(BYTES).digest("hex");
  const tree = [{ type: "file", path: "tiny.gguf", size: BYTES.length, lfs: { oid: sha256, size: BYTES.length } }];
  const at = (env: Record<string, string>, words: string[], steps: Step[]) =>
    inTerminal(100, [...PROGRAM, ...words], { ...env, INGLE_ADAPTER: "node-llama-cpp", INGLE_CALLED_AS: "ingle" }, steps);

  test(
    "a model that is known and not here is downloaded after a question, and answers",
    async () => {
      answer = () => Response.json(tree);
      const env = envOf();
      const reference = { repo: "org/tiny", revision: "main" };
      await withLibrary(env.INGLE_DATA, (library) =>
        library.addPending({ model: makeModel("org/tiny", { files: [] }), reference }),
      );
      const no = await at(env, ["run", "org/tiny", "hi"], [["Download it.*\\[Y/n\\] ", "n\r"]]);
      expect(no).toMatchObject({ code: 1, missing: null, output: expect.stringContaining("is not installed") });
      const yes = await at(env, ["run", "org/tiny", "hi", "--max-tokens", "2"], [["Download it.*\\[Y/n\\] ", "\r"]]);
      expect(yes).toMatchObject({ code: 0, missing: null });
      const again = await at(env, ["run", "org/tiny", "hi", "--max-tokens", "2"], []);
      expect(again).toMatchObject({ code: 0, output: expect.not.stringContaining("Download") });
    },
    SLOW,
  );

  test(
    "a pull without a name takes the number, and Ctrl-C nothing",
    async () => {
      const stopped = await at(envOf(), ["pull"], [["Which one\\? \\[[\\w.-]+\\] ", "\u0003"]]);
      expect(stopped).toMatchObject({ code: 130, missing: null, output: expect.stringContaining("Stopped.") });
      const named = await at(envOf(), ["pull"], [["Which one\\? \\[[\\w.-]+\\] ", "no-such-model\r"]]);
      expect(named).toMatchObject({ code: 1, output: expect.stringContaining('"no-such-model" is not in the catalogue') });
    },
    SLOW,
  );
});
