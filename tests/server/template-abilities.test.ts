// What a model's chat template can, as samples of it show: asked for when the model is registered, known before its first load, also after a
// restart, and asked for anew after a change of its file.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "bun:test";
import { templateAbilities } from "../../adapters/shared/chat/template-abilities.ts";
import { openIngle } from "../../src/index.ts";
import { eventually } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";
import { TOOL_TEMPLATES } from "../support/tool-templates.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-template-abilities-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}";
const THINKING =
  "{% for m in messages %}{{ m.role }}: {% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}" +
  "{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
const BOMB = "{% for i in range(1000000000) %}{{ i }}{% endfor %}";

type Ask = (path: string, body?: object) => Promise<any>;

/** A server over the folder, for as long as `work` takes. */
async function withIngle<T>(
  work: (ask: Ask, fetch: (path: string, body?: object) => Promise<Response>) => Promise<T>,
): Promise<T> {
  const data = join(root, "data");
  const ingle = await openIngle({ data, models_dir: root, adapter: "node-llama-cpp", memory: "8GB", log: () => {} });
  const send = async (path: string, body?: object): Promise<Response> => {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    return ingle.fetch(new Request(`http://localhost/v1${path}`, init));
  };
  try {
    return await work(async (path, body) => (await send(path, body)).json(), send);
  } finally {
    await ingle.close();
  }
}

function writeModel(id: string, template: string, context_length = 256): string {
  const path = join(root, `${id}.gguf`);
  writeFileSync(path, tinyGguf({ context_length, template }));
  return path;
}

/** The model in the list, once what was found is kept: no answer waits for that. */
async function learned(ask: Ask, id: string): Promise<any> {
  let found: any;
  await eventually("the template is known", async () => {
    found = (await ask("/models")).data.find((model: { id: string }) => model.id === id);
    return found.tool_calls !== undefined;
  });
  const { tool_calls, reasoning } = found;
  return { tool_calls, reasoning };
}

test("it is found without a load, and kept", async () => {
  const path = writeModel("tiny", THINKING);
  const known = await withIngle(async (ask) => {
    const registered = await ask("/models", { path, id: "tiny" });
    expect([registered.tool_calls, registered.reasoning]).toEqual([undefined, undefined]);
    const found = await learned(ask, "tiny");
    expect((await ask("/models/tiny")).state).toBe("stopped");
    return found;
  });
  expect(known).toEqual({ tool_calls: "prompted", reasoning: true });
  await withIngle(async (ask) => expect(await ask("/models/tiny")).toMatchObject(known));
  await withIngle(async (ask) => {
    writeModel("tiny", PLAIN, 128);
    utimesSync(path, 1, 1);
    expect(await ask("/models", { path, id: "tiny" })).not.toHaveProperty("reasoning");
    expect(await learned(ask, "tiny")).toEqual({ tool_calls: "prompted", reasoning: false });
  });
});

test("of a template that never ends calls are unverified, and it is asked for once", async () => {
  const path = writeModel("bomb", BOMB);
  await withIngle(async (ask) => {
    await ask("/models", { path, id: "bomb" });
    expect(await learned(ask, "bomb")).toEqual({ tool_calls: "unverified", reasoning: false });
  });
  await withIngle(async (ask) => expect(await ask("/models/bomb")).toMatchObject({ tool_calls: "unverified", reasoning: false }));
});

test("what a tool's schema says beyond the model's own syntax is named in the header, before a load", async () => {
  const parameters = { type: "object", properties: { a: { type: "string", maxLength: 5_000 } }, additionalProperties: false };
  const body = (model: string) => ({
    ...{ model, messages: [{ role: "user", content: "hi" }], max_tokens: 1 },
    tools: [{ type: "function", function: { name: "look", parameters } }],
  });
  await withIngle(async (ask, send) => {
    for (const family of ["hermes", "glm"] as const)
      await ask("/models", { path: writeModel(family, TOOL_TEMPLATES[family], 2048), id: family });
    const ignored = async (model: string) => (await send("/chat/completions", body(model))).headers.get("x-ingle-ignored");
    expect(await ignored("hermes")).toBeNull();
    expect(await ignored("glm")).toBe("tools[0].function.parameters#/properties/a/maxLength");
    expect(await learned(ask, "glm")).toEqual({ tool_calls: "native", reasoning: false });
  });
});

test.each([
  [{ bounded: true, calls: {}, forms: { calls: true } }, "native"],
  [{ bounded: true, forms: { calls: true } }, "unverified"],
  [{ bounded: true, forms: { calls: false } }, "prompted"],
  [{ bounded: false, forms: { calls: false } }, "unverified"],
])("of %j, calls are %s", (template, tool_calls) => {
  const abilities = templateAbilities({ template: template as never, template_digest: "t" });
  expect(abilities).toEqual({ tool_calls, reasoning: false, template: "t" } as never);
});
