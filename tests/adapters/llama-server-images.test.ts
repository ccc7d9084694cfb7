// Images with a real llama-server, through a tiny projector.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ChatRequest, ContentPart, Engine } from "../../adapters/adapter.ts";
import { ABOUT } from "../../adapters/llama-server/description.ts";
import { collect } from "../support/collect.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { llamaServerChat } from "../support/llama-server-chat.ts";
import { ask, tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { tinyProjector } from "../support/tiny-projector.ts";

const { path, skip } = await realServer();
const prompts = startPrompts();
const root = mkdtempSync(join(tmpdir(), "ingle-images-"));
afterAll(async () => {
  await prompts.close();
  rmSync(root, { recursive: true, force: true });
});
const signal = (): AbortSignal => AbortSignal.timeout(50_000);

const TEMPLATE =
  "{% for m in messages %}{{ m.role }}: {% if m.content is string %}{{ m.content }}{% else %}" +
  "{% for part in m.content %}{{ part.text or '' }}{% endfor %}{% endif %}{% endfor %}assistant:";

/** A picture of one colour. */
function png(shade: number): ContentPart {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const named = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const row = [0, ...Array.from({ length: 24 }, () => shade)];
  const pixels = deflateSync(Uint8Array.from(Array.from({ length: 8 }, () => row).flat()));
  const head = Uint8Array.of(0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0);
  const chunks = [chunk("IHDR", head), chunk("IDAT", pixels), chunk("IEND", new Uint8Array())];
  const bytes = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), ...chunks]);
  return { type: "image_url", image_url: { url: `data:image/png;base64,${bytes.toString("base64")}` } };
}

describe.skipIf(skip !== undefined)(`images${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
  const projector = join(root, "mmproj.gguf");
  const adapter = llamaServerChat({ binary: () => path!, env: process.env, prompts });
  const load = async (template: string): Promise<Engine> =>
    adapter.load({ ...(await tinyModel({ template })), projector }, { slots: 2, context: 512 }, signal());

  let engine: Engine;
  beforeAll(async () => {
    writeFileSync(projector, tinyProjector());
    engine = await load(TEMPLATE);
  });
  afterAll(() => engine.close());

  const chat = async (content: ContentPart[], more: Partial<ChatRequest> = {}) =>
    collect(engine.chat(ask([{ role: "user", content }], { max_tokens: 8, ...more }), signal()));
  const say = (text: string): ContentPart => ({ type: "text", text });

  test("are seen, and count as the tokens that they are", async () => {
    const [dark, light] = [await chat([say("hello "), png(10)]), await chat([say("hello "), png(250)])];
    expect(dark.text).not.toBe(light.text);
    expect(dark.text).toBe((await chat([say("hello "), png(10)], { cache_prompt: false })).text);
    const { usage } = await chat([say("hello ")].concat([png(10), png(10)]));
    expect(usage.prompt_tokens - dark.usage.prompt_tokens).toBeGreaterThanOrEqual(4);
  });

  test("leave special tokens beside them the text that they are", async () => {
    const tokens = async (text: string) => (await chat([say(text), png(10)])).usage.prompt_tokens;
    expect(await tokens("a </s> b")).toBeGreaterThan((await tokens("a b")) + 3);
  });

  const tool = { type: "function" as const, function: { name: "look", parameters: { type: "object" } } };
  test.each([
    ["tools", { tools: [tool] }],
    ["tools", { tools: [tool], tool_choice: "required" }],
    ["response_format", { response_format: { type: "json_object" } }],
    ["response_format", { response_format: { type: "regex", regex: "a" } }],
    ["grammar", { grammar: 'root ::= "a"' }],
    ["n", { choices: { count: 2, at_once: 2 } }],
  ] as [string, Partial<ChatRequest>][])("together with %s are refused by name: %j", async (param, more) => {
    const error = await chat([say("hello "), png(10)], more).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "request_unsupported", param });
    expect((error as Error).message).toStartWith(`This engine cannot honour "${param}" together with images.`);
    const request = ask([{ role: "user", content: [say("hello "), png(10)] }], more);
    expect(() => ABOUT.checkRequest(request)).toThrow(error as Error);
    expect(() => ABOUT.checkRequest({ ...request, messages: ask("hello").messages })).not.toThrow();
  });

  test("beside tools that are not to be called are answered", async () => {
    expect((await chat([say("hello "), png(10)], { tools: [tool], tool_choice: "none" })).usage.completion_tokens).toBe(8);
  });

  test("at the end of a prompt, behind which its template has nothing, is refused, as llama-server would end", async () => {
    const plain = await load(TEMPLATE.replace("assistant:", ""));
    const asked = (...content: ContentPart[]) =>
      collect(plain.chat(ask([{ role: "user", content }], { max_tokens: 2 }), signal()));
    const error = await asked(say("hello "), png(10)).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "messages_refused", param: "messages[0].content" });
    expect((await asked(png(10), say("hello"))).usage.completion_tokens).toBe(2);
    await plain.close();
  });

  test.each([
    ["that is none", "AAAA"],
    ["that is empty", ""],
  ])("an image %s is refused, and the next request works", async (_what, data) => {
    const image: ContentPart = { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } };
    expect(await chat([say("hello "), image]).catch((error: unknown) => error)).toMatchObject({ code: "request_refused" });
    expect((await chat([say("hello "), png(10)])).finish.reason).toBe("length");
  });
});
