// POST /v1/models: every way to name a model, what of it is refused, and that nothing is dialled for it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { errorOf, makeApp, makeModel, NOW } from "../support/app.ts";
import { pair, text, VALUE, writeGguf } from "../../models/gguf/writer.ts";
import { faults } from "../support/document.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const OPERATOR = "operator-key-of-the-tests";
const root = mkdtempSync(join(tmpdir(), "ingle-new-model-"));
afterAll(() => rmSync(root, { recursive: true }));

function house(more: Parameters<typeof makeApp>[0] = {}) {
  const dialled: string[] = [];
  const fetch = async (url: URL): Promise<Response> => (dialled.push(url.href), new Response("", { status: 404 }));
  const weights = mkdtempSync(join(root, "weights-"));
  const made = makeApp({ models: [], weights, download: { fetch }, guards: { operator_key: OPERATOR }, ...more });
  const owner = { headers: { authorization: `Bearer ${OPERATOR}` } };
  const add = (body: object, init: RequestInit = {}) => made.post("/v1/models", body, init);
  const added = async (body: object, init: RequestInit = {}) => (await (await add(body, init)).json()) as any;
  const refusal = async (body: object, init: RequestInit = {}) => errorOf(await add(body, init));
  const shown = async (id: string) => (await (await made.request(`/v1/models/${encodeURIComponent(id)}`)).json()) as any;
  const listed = async (query = "") =>
    ((await (await made.request(`/v1/models${query}`)).json()) as any).data.map((m: any) => m.id);
  return { ...made, dialled, owner, add, added, refusal, shown, listed };
}

function file(name: string, bytes: Uint8Array = tinyGguf()): string {
  const path = join(mkdtempSync(join(root, "files-")), name);
  writeFileSync(path, bytes);
  return path;
}

describe("a model of the hub", () => {
  test("is noted, and nothing is dialled", async () => {
    const { added, shown, listed, dialled, store } = house();
    const model = {
      id: "org/name:Q8_0",
      object: "model",
      state: "available",
      owned_by: "org",
      created: NOW,
      context_length: null,
    };
    expect(await added({ repo: "hf:org/name:Q8_0" })).toMatchObject(model);
    expect(await shown("org/name:Q8_0")).toMatchObject({ ...model, source_url: "https://huggingface.co/org/name#Q8_0" });
    expect(await listed()).toEqual([]);
    expect(await listed("?catalog=true")).toContain("org/name:Q8_0");
    expect(await store.downloads.get("org/name:Q8_0")).toMatchObject({
      ...{ state: "added", reference: { repo: "org/name", quant: "Q8_0", revision: "main" } },
    });
    expect(dialled).toEqual([]);
  });

  test("may be called otherwise, and is one however it is written", async () => {
    const { added, refusal, listed } = house();
    for (const name of [{ repo: "org/name" }, { repo: "hf:org/name" }, { source_url: "https://huggingface.co/org/name" }]) {
      expect(await added({ ...name, id: "mine" })).toMatchObject({ id: "mine", state: "available" });
    }
    expect(await refusal({ repo: "org/other", id: "mine" })).toMatchObject({ status: 409, param: "id", code: "model_exists" });
    expect((await listed("?catalog=true")).filter((id: string) => id === "mine")).toHaveLength(1);
  });

  test("is looked for when it is downloaded, and a hub that knows nothing of it is told of", async () => {
    const { added, dialled, request } = house();
    await added({ repo: "org/name", download: true });
    const events = await (await request("/v1/models/download/org%2Fname/events")).text();
    expect(events).toContain('There is no repository org/name with the revision \\"main\\" on the hub.');
    expect(dialled).toEqual(["https://huggingface.co/api/models/org/name/tree/main?recursive=true"]);
  });

  test("is forgotten when it is deleted", async () => {
    const { added, request, listed } = house();
    await added({ repo: "org/name" });
    const remove = () => request("/v1/models/org%2Fname", { method: "DELETE" });
    expect((await remove()).status).toBe(200);
    expect((await remove()).status).toBe(404);
    expect(await listed("?catalog=true")).not.toContain("org/name");
  });
});

describe("B-62: a model that is known already, added with something else", () => {
  const pendingOf = async ({ store }: ReturnType<typeof house>, id: string) => (await store.downloads.get(id))!;

  test("another adapter: it gets that one, and a request without any leaves it", async () => {
    const made = house();
    for (const adapter of [undefined, "llama-server", "node-llama-cpp"]) {
      await made.added({ repo: "org/name", ...(adapter && { adapter }) });
      expect((await pendingOf(made, "org/name")).model.engine).toBe(adapter);
    }
    await made.added({ repo: "org/name" });
    expect((await pendingOf(made, "org/name")).model.engine).toBe("node-llama-cpp");
    expect(await made.refusal({ repo: "org/other", id: "org/name", adapter: "llama-server" })).toMatchObject({ status: 409 });
    expect((await pendingOf(made, "org/name")).model.engine).toBe("node-llama-cpp");
  });

  test("another adapter for a file in place: an engine that runs is not used any more", async () => {
    const path = file("mine.gguf");
    const made = house();
    const { added, owner, store, chat, pool } = made;
    await added({ path }, owner);
    expect((await chat({ model: "mine" })).status).toBe(200);
    expect(pool.state("mine")).toBe("running");
    await added({ path }, owner);
    expect(pool.state("mine")).toBe("running");
    await added({ path, adapter: "llama-server" }, owner);
    expect((await store.models.get("mine"))?.engine).toBe("llama-server");
    expect(pool.state("mine")).toBe("stopped");
    expect(await made.refusal({ path, adapter: "node-llama-cpp" })).toMatchObject({ status: 403 });
    expect((await store.models.get("mine"))?.engine).toBe("llama-server");
  });

  test("another size or sha256 is another model; one that is new is kept, unless the file is on its way", async () => {
    const made = house();
    const source_url = "https://example.com/a.gguf";
    await made.added({ source_url });
    await made.added({ source_url, sha256: "a".repeat(64) });
    await made.added({ source_url, size: 7 });
    expect((await pendingOf(made, "a")).model.files).toMatchObject([{ name: "a.gguf", size: 7, sha256: "a".repeat(64) }]);
    for (const other of [{ size: 8 }, { sha256: "b".repeat(64) }])
      expect(await made.refusal({ source_url, ...other })).toMatchObject({ status: 409, param: "id", code: "model_exists" });
    await made.added({ source_url: "https://example.com/b.gguf" });
    await made.store.downloads.patch("b", (record) => ({ ...record, state: "downloading" }));
    expect(await made.refusal({ source_url: "https://example.com/b.gguf", size: 7 })).toMatchObject({
      ...{ status: 409, code: "model_not_ready" },
    });
  });

  test("a size or sha256 of a file that was fetched without it is refused", async () => {
    const { store, refusal } = house();
    const source_url = "https://example.com/a.gguf";
    await store.models.put({ ...makeModel("a"), source_url, files: [{ name: "a.gguf", size: 9, sources: [] }] });
    expect(await refusal({ source_url, sha256: "a".repeat(64) })).toMatchObject({
      status: 409,
      param: "id",
      code: "model_exists",
    });
    expect(await refusal({ source_url, size: 8 })).toMatchObject({ status: 409, param: "id", code: "model_exists" });
  });

  test("a private address that the owner allows this time", async () => {
    const made = house();
    const source_url = "https://192.168.0.7/a.gguf";
    await made.added({ source_url }, made.owner);
    await made.added({ source_url, allow_private: true }, made.owner);
    expect(await pendingOf(made, "a")).toMatchObject({ allow_private: true });
  });
});

describe("a model at an address", () => {
  test("is noted with what has to come from there", async () => {
    const { added, store } = house();
    const sha256 = `sha256:${"A".repeat(64)}`;
    const model = await added({ source_url: "https://example.com/x/My%20Model.gguf", sha256, size: 7 });
    expect(model).toMatchObject({ id: "My Model", state: "available", source_url: "https://example.com/x/My%20Model.gguf" });
    expect((await store.downloads.get("My Model"))?.model.files).toEqual([
      {
        ...{ name: "My-Model.gguf", size: 7, sha256: "a".repeat(64) },
        sources: [{ type: "url", url: "https://example.com/x/My%20Model.gguf" }],
      },
    ]);
  });

  test("in parts is all of them", async () => {
    const { added, refusal, store } = house();
    const source_url = "https://example.com/big-00002-of-00003.gguf";
    expect(await added({ source_url })).toMatchObject({ id: "big", state: "available" });
    const { files } = (await store.downloads.get("big"))!.model;
    expect(files.map(({ name }) => name)).toEqual([1, 2, 3].map((n) => `big-0000${n}-of-00003.gguf`));
    expect(files[0]!.sources).toEqual([{ type: "url", url: "https://example.com/big-00001-of-00003.gguf" }]);
    expect(await refusal({ source_url, id: "x", size: 7 })).toMatchObject({ status: 400, param: "size" });
  });

  test("of plain http needs the owner, or a server that allows it", async () => {
    const { refusal, added, owner } = house();
    const source_url = "http://192.168.0.7/a.gguf";
    expect(await refusal({ source_url })).toMatchObject({ status: 400, param: "source_url", code: "url_not_allowed" });
    expect(await refusal({ source_url, allow_private: true })).toMatchObject({ status: 403, param: "allow_private" });
    expect(await added({ source_url, allow_private: true }, owner)).toMatchObject({ id: "a", state: "available" });
    expect(await house({ allow_private: true }).added({ source_url })).toMatchObject({ id: "a" });
    expect(await house({ download_hosts: ["192.168.0.0/16"] }).added({ source_url })).toMatchObject({ id: "a" });
    expect(await house({ download_hosts: ["10.0.0.0/8"] }).refusal({ source_url })).toMatchObject({ code: "url_not_allowed" });
  });

  test.each<[object, string]>([
    [{ source_url: "https://user:secret@example.com/a.gguf" }, "source_url"],
    [{ source_url: "ftp://example.com/a.gguf" }, "source_url"],
    [{ source_url: "a" }, "source_url"],
    [{ source_url: "https://" }, "source_url"],
    [{ source_url: "/etc/passwd" }, "source_url"],
    [{ source_url: "https://example.com/" }, "id"],
    [{ source_url: "https://example.com/a.gguf", sha256: "x" }, "sha256"],
    [{ source_url: "https://example.com/a.gguf", size: 0 }, "size"],
    [{ repo: "org/name", adapter: "echo" }, "adapter"],
    [{ repo: "org/name", adapter: "llama-server", engine: "node-llama-cpp" }, "engine"],
    [{ repo: "org" }, "repo"],
    [{ repo: "org/name", sha256: "a".repeat(64) }, "sha256"],
    [{ repo: "../x" }, "repo"],
    [{}, "repo"],
    [{ repo: "org/name", path: "/x" }, "path"],
    [{ repo: "org/name", id: "" }, "id"],
    [{ repo: "org/name", id: "x".repeat(513) }, "id"],
    [{ path: "" }, "path"],
  ])("%j is refused for its %s", async (body, param) => {
    const { refusal, listed } = house();
    expect(await refusal(body)).toMatchObject({ status: 400, param });
    expect(await listed("?catalog=true")).toEqual(await house().listed("?catalog=true"));
  });
});

describe("an id", () => {
  test.each([
    "hf:unsloth/Mistral-Small-3.2-24B-Instruct-2506-GGUF/Mistral-Small-3.2-24B-Instruct-2506-UD-Q4_K_M.gguf",
    "Ä".repeat(256),
    "😀".repeat(128),
    "X".repeat(512),
    "a/b/../c",
    "...",
    "a%2Fb",
    "%zz",
    "100%",
    "a b#c?d&e+f",
    "/a",
    "a/",
    "a//b",
    "a\\b",
    "é",
    "e\u0301",
    "CON",
    "a/start",
    "<b>",
    "\u202egpj",
    "a\u0000b",
  ])("%j is stored, found and removed under its own name", async (id) => {
    const { added, shown, listed, request } = house();
    expect(await added({ repo: "org/name", id })).toMatchObject({ id, state: "available" });
    expect(await added({ repo: "org/name", id: `${[...id].slice(1).join("")}z` })).toMatchObject({ state: "available" });
    expect(await shown(id)).toMatchObject({ id });
    expect(await listed("?catalog=true")).toContain(id);
    expect((await request(`/v1/models/${encodeURIComponent(id)}`, { method: "DELETE" })).status).toBe(200);
    expect(await listed("?catalog=true")).not.toContain(id);
  });

  test.each(["", ".", "..", "\ud800", "a\udc00b", "x".repeat(513), "Ä".repeat(257), "😀".repeat(129)])(
    "B-63: %j is refused when it is made, with what is wrong with it",
    async (id) => {
      const { refusal, owner, store } = house();
      const expected = { status: 400, param: "id" };
      expect(await refusal({ repo: "org/name", id })).toMatchObject(expected);
      const by_owner = await refusal({ path: file("mine.gguf"), id }, owner);
      expect(by_owner).toMatchObject(expected);
      expect(by_owner.message).toEndWith("Choose another with --id.");
      expect(await refusal({ base_url: "http://127.0.0.1:1/v1", id }, owner)).toMatchObject(expected);
      expect([await store.models.ids(), await store.downloads.ids()]).toEqual([[], []]);
    },
  );
});

describe("a file that is no model", () => {
  const headOf = (key: string, value: string) => writeGguf([pair(key, VALUE.string, text(value))], []);
  test.each([
    ["an adapter (LoRA)", tinyGguf({ type: "adapter" })],
    ["a projector (mmproj)", tinyGguf({ type: "mmproj" })],
    ["a projector (mmproj)", headOf("general.architecture", "clip")],
    ["an importance matrix (imatrix)", tinyGguf({ type: "imatrix" })],
    ["a vocabulary without weights", headOf("general.architecture", "llama")],
  ])("is refused as %s", async (what, bytes) => {
    const { refusal, owner, store } = house();
    const refused = await refusal({ path: file("m.gguf", bytes) }, owner);
    expect(refused).toMatchObject({ status: 400, param: "path" });
    expect(refused.message).toContain(`The file is ${what}`);
    expect(await store.models.ids()).toEqual([]);
  });

  test("is refused when it has been fetched, and a model is not", async () => {
    const bytes = { adapter: tinyGguf({ type: "adapter" }), model: tinyGguf({ type: "model" }) };
    const fetch = async (url: URL) => {
      const body = bytes[url.pathname.slice(1, -5) as keyof typeof bytes];
      return new Response(body, { headers: { "content-length": String(body.length) } });
    };
    const { added, store, library } = house();
    const install = async (id: string) => {
      await added({ source_url: `https://models.example/${id}.gguf` });
      for await (const _ of library.install(id, { fetch }, new AbortController().signal));
    };
    await install("model");
    await expect(install("adapter")).rejects.toThrow("The file is an adapter (LoRA)");
    expect(await store.models.ids()).toEqual(["model"]);
  });
});

describe("a file that is there", () => {
  test("is used where it is, and stays when the model goes", async () => {
    const { added, owner, shown, listed, request } = house();
    const path = file("mine.gguf");
    expect(await added({ path }, owner)).toMatchObject({ id: "mine", state: "stopped", context_length: 512 });
    expect(await added({ path }, owner)).toMatchObject({ id: "mine", state: "stopped" });
    expect(await shown("mine")).toMatchObject({ metadata: { size: 474_016 } });
    expect(await listed()).toEqual(["mine"]);
    expect((await request("/v1/models/mine", { method: "DELETE" })).status).toBe(200);
    expect(readFileSync(path)).toHaveLength(474_016);
  });

  test("is the document's model in every field, as far as its header says it", async () => {
    const { added, owner, shown, library } = house();
    const template = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}";
    const tail = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    const chatml =
      "<|im_start|>system\n{system_message}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n";
    const schema = { $ref: "#/components/schemas/GetModelResponse" };
    for (const [id, bytes] of [
      ["told", tinyGguf({ template: template + tail, keys: [pair("general.author", VALUE.string, text("Ada"))] })],
      ["bare", tinyGguf()],
    ] as const) {
      await added({ id, path: file(`${id}.gguf`, bytes) }, owner);
      const model = await shown(id);
      expect(faults(schema, model, { whole: true })).toEqual([]);
      expect(model.settings).toEqual({ ctx_len: 512, prompt_template: chatml });
      expect(model.metadata.author).toBe(id === "told" ? "Ada" : "");
    }
    // What is told of the template is no setting: the template of the file renders.
    expect((await library.list()).map(({ settings }) => settings)).toEqual([{}, {}]);
  });

  test("needs the owner, or to be in the folder for it", async () => {
    const folder = mkdtempSync(join(root, "models-"));
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", "in.gguf"), tinyGguf());
    const outside = file("out.gguf");
    symlinkSync(outside, join(folder, "link.gguf"));
    const denied = { status: 403, param: "path", code: "path_not_allowed" };
    expect(await house().refusal({ path: outside })).toMatchObject(denied);
    expect(await house().refusal({ path: "/nothing/there.gguf" })).toMatchObject(denied);
    const { refusal, added } = house({ models_dir: folder });
    for (const path of [outside, join(folder, "link.gguf"), join(folder, "..", "x.gguf"), join(folder, "none.gguf"), folder]) {
      expect(await refusal({ path })).toMatchObject(denied);
    }
    expect(await added({ path: join(folder, "sub", "in.gguf") })).toMatchObject({ id: "in", state: "stopped" });
  });

  test("that is none, or no model, is refused with the reason", async () => {
    const { refusal, owner, listed } = house();
    const told = async (path: string) => (await refusal({ path }, owner)).message;
    expect(await told("/nothing/there.gguf")).toBe('There is no file "/nothing/there.gguf".');
    expect(await told("relative.gguf")).toBe('"relative.gguf" is not an absolute path.');
    expect(await told(root)).toStartWith("There is no file ");
    for (const url of ["file://elsewhere/a.gguf", "file:///a%2Fb.gguf"])
      expect(await told(url)).toContain("names no file of this machine");
    expect(await told(file("a.gguf", new TextEncoder().encode("<html>")))).toContain("cannot be used: ");
    expect(await told(file("b.gguf", tinyGguf().slice(0, -1)))).toContain("cannot be used: ");
    expect(await told(file("m-00001-of-00003.gguf"))).toStartWith("The model has 3 parts, and only 1 are in ");
    expect(await refusal({ path: file("c.gguf"), sha256: "a".repeat(64) }, owner)).toMatchObject({ param: "sha256" });
    expect(await refusal({ path: file("d.gguf"), size: 1 }, owner)).toMatchObject({ param: "size" });
    expect(await listed()).toEqual([]);
  });

  test("comes with its other parts, and with the projector beside it", async () => {
    const { added, owner, store, library } = house();
    const folder = mkdtempSync(join(root, "parts-"));
    const names = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj-m.gguf"];
    for (const name of names) writeFileSync(join(folder, name), tinyGguf());
    expect(await added({ path: join(folder, names[1]!) }, owner)).toMatchObject({ id: "m", state: "stopped" });
    const model = (await store.models.get("m"))!;
    expect(model.files.map(({ name, role }) => [name, role])).toEqual([
      [names[0]!, undefined],
      [names[1]!, undefined],
      [names[2]!, "projector"],
    ]);
    expect(await library.resolve(model)).toMatchObject({ path: join(folder, names[0]!), extra_bytes: 474_016 });
    writeFileSync(join(folder, "other.gguf"), tinyGguf());
    await added({ path: join(folder, "other.gguf") }, owner);
    expect((await store.models.get("other"))!.files).toHaveLength(1);
  });

  test("does not take the place of another", async () => {
    const { added, refusal, owner } = house();
    await added({ path: file("a.gguf") }, owner);
    expect(await refusal({ path: file("a.gguf") }, owner)).toMatchObject({ status: 409, code: "model_exists" });
    // Files of one name in two folders of a repository have one id, unless another is chosen.
    expect(await added({ repo: "hf:org/name/Q4/m.gguf" })).toMatchObject({ id: "org/name/m" });
    const refused = await refusal({ repo: "hf:org/name/Q8/m.gguf" }, owner);
    expect(refused).toMatchObject({ status: 409, code: "model_exists", param: "id" });
    expect(refused.message).toContain("Choose another with --id");
    expect(await added({ repo: "hf:org/name/Q8/m.gguf", id: "q8" })).toMatchObject({ id: "q8" });
    expect(await added({ path: file("a.gguf"), id: "b" }, owner)).toMatchObject({ id: "b" });
  });
});
