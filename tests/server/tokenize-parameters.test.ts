// Tokens of texts and chats by the two native engines: a tiny model behind the whole API.
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { DETOKENIZE_TABLE, TOKENIZE_TABLE } from "../../tools/docs/parameters/tokenize.ts";
import { errorOf, makeApp } from "../support/app.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { parameterRows, wrongRows } from "../support/parameter-rows.ts";
import { startPrompts } from "../support/prompts.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

function serve(adapter: Adapter) {
  const app = makeApp({ adapter, pool: { context: 512, resolve: () => tinyModel() } });
  return {
    ...app,
    async ask(path: string, fields: object): Promise<any> {
      const res = await app.post(path, fields);
      const body = await res.json();
      if (res.status !== 200) throw new Error(JSON.stringify(body).slice(0, 500));
      return body;
    },
  };
}

for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    const { post, ask, pool } = serve(adapter);
    afterAll(() => pool.close(0));

    test.each([
      ["/v1/tokenize", TOKENIZE_TABLE],
      ["/v1/detokenize", DETOKENIZE_TABLE],
    ] as const)("each row of the table of %s in docs/api.md is as it says", async (path, table) => {
      expect(parameterRows(table).length).toBe(table.list.size);
      const send = (fields: object) => post(path, { ...table.needed, ...fields });
      for (const side of [0, 1]) expect(await wrongRows(table, { engine: name, side, send })).toEqual([]);
    });

    test("special tokens are read where they are to be, and the first one comes once", async () => {
      const tokensOf = async (fields: object) => (await ask("/v1/tokenize", fields)).tokens;
      const bare = await tokensOf({ content: "hello" });
      expect(await tokensOf({ content: "hello", add_special: true })).toEqual([1, ...bare]);
      expect(await tokensOf({ prompt: "<s>hello" })).toEqual([1, ...bare]);
      expect(await tokensOf({ content: "</s>" })).toEqual([2]);
      expect((await tokensOf({ content: "</s>", parse_special: false })).length).toBeGreaterThan(3);
    });

    test("pieces are texts, or the bytes of a part of a character", async () => {
      const { tokens } = await ask("/v1/tokenize", { content: "é", with_pieces: true });
      expect(tokens.map(({ piece }: any) => piece).slice(-2)).toEqual([[0xc3], [0xa9]]);
      const ids = tokens.map(({ id }: any) => id);
      expect((await ask("/v1/detokenize", { tokens: ids })).content.trim()).toBe("é");
    });

    test("a long text has the tokens of its slices, and comes back whole", async () => {
      const content = "hello the world a ".repeat(20_000);
      const { tokens, count } = await ask("/v1/tokenize", { content });
      expect(count).toBe(tokens.length);
      expect((await ask("/v1/detokenize", { tokens })).content.trimStart()).toBe(content);
    });

    test("a chat is counted as its answer says", async () => {
      const messages = [{ role: "user", content: "hello <s> world" }];
      const { usage } = await ask("/v1/chat/completions", { messages, max_tokens: 1 });
      expect((await ask("/v1/chat/completions/input_tokens", { messages })).input_tokens).toBe(usage.prompt_tokens);
      expect((await ask("/v1/tokenize", { messages })).count).toBe(usage.prompt_tokens);
      expect((await ask("/v1/apply-template", { messages })).prompt).toBe("hello <s> world");
      const long = [{ role: "user", content: "a ".repeat(5_000) }];
      expect((await ask("/v1/chat/completions/input_tokens", { messages: long })).input_tokens).toBeGreaterThan(4_000);
    });

    test("a token that the model has not is refused with its place", async () => {
      const error = await errorOf(await post("/v1/detokenize", { tokens: [5, 9_999] }));
      expect(error).toMatchObject({ status: 400, param: "tokens[1]", code: "invalid_value" });
    });
  });
}
