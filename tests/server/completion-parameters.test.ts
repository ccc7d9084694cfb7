// What parameters of a completion do on the two native engines: a tiny model behind the whole API.
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { pair, u32, VALUE } from "../../models/gguf/writer.ts";
import { COMPLETIONS_TABLE } from "../../tools/docs/parameters/completions.ts";
import { errorOf, makeApp, makeModel } from "../support/app.ts";
import { tinyModel } from "../support/models.ts";
import { nativeEngines } from "../support/native-engines.ts";
import { parameterRows, wrongRows } from "../support/parameter-rows.ts";
import { startPrompts } from "../support/prompts.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

const FILL_IN = ["fim_pre", "fim_suf", "fim_mid"].map((name, place) =>
  pair(`tokenizer.ggml.${name}_token_id`, VALUE.u32, u32(262 + place)),
);

/** The API over a tiny model, with tokens around a gap or without. */
function serve(adapter: Adapter, fill_in: boolean) {
  const app = makeApp({
    adapter,
    models: [makeModel("tiny", { fill_in })],
    pool: { slots: 4, queue: 300, context: 512, resolve: () => tinyModel({ keys: fill_in ? FILL_IN : [] }) },
  });
  const send = (fields: object) => app.post("/v1/completions", { prompt: "hello", temperature: 0, ...fields });
  return {
    send,
    close: () => app.pool.close(0),
    async complete(fields: object): Promise<any> {
      const res = await send({ max_tokens: 8, ...fields });
      const body = await res.json();
      if (res.status !== 200) throw new Error(JSON.stringify(body));
      return body;
    },
  };
}

for (const [name, adapter, skip] of await nativeEngines(prompts)) {
  describe.skipIf(skip !== undefined)(`${name}${skip === undefined ? "" : ` (skipped: ${skip})`}`, () => {
    const [rich, poor] = [serve(adapter, true), serve(adapter, false)];
    afterAll(async () => {
      for (const { close } of [rich, poor]) await close();
    });

    test("each row of the table in docs/api.md is as it says", async () => {
      expect(parameterRows(COMPLETIONS_TABLE).length).toBe(COMPLETIONS_TABLE.list.size);
      for (const [side, { send }] of [rich, poor].entries()) {
        expect(await wrongRows(COMPLETIONS_TABLE, { engine: name, side, send })).toEqual([]);
      }
    });

    test("several prompts have the answers that each has alone", async () => {
      const alone = [await poor.complete({ prompt: "hello" }), await poor.complete({ prompt: "the world" })];
      const { choices, usage } = await poor.complete({ prompt: ["hello", "the world"] });
      expect(choices.map(({ text }: any) => text)).toEqual(alone.map((one) => one.choices[0].text));
      expect(usage.prompt_tokens).toBe(alone[0].usage.prompt_tokens + alone[1].usage.prompt_tokens);
    });

    test("logprobs of an answer have a number for each token, and its place", async () => {
      const { choices } = await poor.complete({ logprobs: 2, ignore_eos: true });
      const [{ text, logprobs }] = choices;
      expect(logprobs.tokens.length).toBe(logprobs.token_logprobs.length);
      expect(logprobs.text_offset.length).toBe(logprobs.tokens.length);
      for (const [i, top] of logprobs.top_logprobs.entries()) {
        expect(Math.max(...(Object.values(top) as number[]))).toBe(logprobs.token_logprobs[i]);
      }
      expect(logprobs.text_offset[0]).toBe(0);
      expect(logprobs.text_offset.at(-1)).toBeLessThan([...text].length + 1);
    });

    test.if(name === "node-llama-cpp")("a prompt is scored without an answer, and with one token that is dropped", async () => {
      const { choices: alone } = await poor.complete({ prompt: [1, 266, 267], echo: true, logprobs: 1, max_tokens: 0 });
      const [{ text, logprobs }] = alone;
      expect([logprobs.tokens.length, logprobs.token_logprobs[0], text]).toEqual([3, null, expect.stringContaining("world")]);
      const one = await poor.complete({ prompt: [1, 266, 267], echo: true, logprobs: 1, max_tokens: 1 });
      expect(one.choices[0].logprobs.token_logprobs.slice(0, 3)).toEqual(logprobs.token_logprobs);
    });

    test.if(name === "llama-server")("a prompt that is to be scored is refused with the reason", async () => {
      const error = await errorOf(await poor.send({ echo: true, logprobs: 1, max_tokens: 0 }));
      expect(error).toMatchObject({ status: 400, param: "echo", code: "unsupported_parameter" });
    });

    test("a token that the model has not is refused with its place", async () => {
      const error = await errorOf(
        await poor.send({
          prompt: [
            [1, 5],
            [1, 9_999],
          ],
        }),
      );
      expect(error).toMatchObject({ status: 400, param: "prompt[1][1]", code: "invalid_value" });
      expect(error.message).toContain("9999");
    });
  });
}
