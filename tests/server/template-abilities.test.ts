// What a model's chat template can, as samples of it have shown: unknown before the first load, known after it, also after a restart, and
// after a change of its file unknown again.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "bun:test";
import { templateAbilities } from "../../adapters/shared/chat/template-abilities.ts";
import { openIngle } from "../../src/index.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { eventually } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";

const root = mkdtempSync(join(tmpdir(), "ingle-template-abilities-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PLAIN = "{% for m in messages %}{{ m.content }}{% endfor %}";
const THINKING =
  "{% for m in messages %}{{ m.role }}: {% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}" +
  "{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

type Ask = (path: string, body?: object) => Promise<any>;

/** A server over the folder, for as long as `work` takes. */
async function withIngle<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
  const data = join(root, "data");
  const ingle = await openIngle({ data, models_dir: root, adapter: "node-llama-cpp", memory: "8GB", log: () => {} });
  const ask: Ask = async (path, body) => {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    return (await ingle.fetch(new Request(`http://localhost/v1${path}`, init))).json();
  };
  try {
    return await work(ask);
  } finally {
    await ingle.close();
  }
}

/** The model in the list, once what its load has found is kept: no answer waits for that. */
async function learned(ask: Ask): Promise<any> {
  await ask("/chat/completions", { messages: [{ role: "user", content: "hi" }], max_tokens: 1 });
  let found: any;
  await eventually("the template is known", async () => {
    const { data } = await ask("/models");
    found = data.find(({ id }: { id: string }) => id === "tiny");
    return found.tool_calls !== undefined;
  });
  return found;
}

test("it is found at a load, and kept", async () => {
  const file = join(root, "tiny.gguf");
  writeFileSync(file, tinyGguf({ context_length: 256, template: THINKING }));
  const known = await withIngle(async (ask) => {
    await ask("/models", { path: file, id: "tiny" });
    const before = await ask("/models/tiny");
    expect([before.tool_calls, before.reasoning]).toEqual([undefined, undefined]);
    const { tool_calls, reasoning } = await learned(ask);
    return { tool_calls, reasoning };
  });
  expect(known).toEqual({ tool_calls: "prompted", reasoning: true });
  await withIngle(async (ask) => expect(await ask("/models/tiny")).toMatchObject(known));
  await withIngle(async (ask) => {
    writeFileSync(file, tinyGguf({ context_length: 128, template: PLAIN }));
    utimesSync(file, 1, 1);
    await ask("/models", { path: file, id: "tiny" });
    expect(await ask("/models/tiny")).not.toHaveProperty("reasoning");
    expect(await learned(ask)).toMatchObject({ tool_calls: "prompted", reasoning: false });
  });
});

test("it is not told where another release of llama.cpp has found it", async () => {
  const abilities = { tool_calls: "native", reasoning: false } as const;
  const models = ["v9.9.9", "v1.0.0"].map((llama_cpp) =>
    makeModel(llama_cpp, { template_abilities: { ...abilities, llama_cpp } }),
  );
  const { request } = makeApp({ models });
  expect(await (await request("/v1/models/v9.9.9")).json()).toMatchObject(abilities);
  const other = await (await request("/v1/models/v1.0.0")).json();
  expect(other).not.toHaveProperty("tool_calls");
  expect(other).not.toHaveProperty("template_abilities");
});

test.each([
  [{ calls: {}, forms: { calls: true } }, "native"],
  [{ forms: { calls: true } }, "unverified"],
  [{ forms: { calls: false } }, "prompted"],
])("of %j, calls are %s", (facts, tool_calls) => {
  expect(templateAbilities(facts as never)).toEqual({ tool_calls, reasoning: false } as never);
});
