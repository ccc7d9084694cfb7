// OpenAI's client asks for embeddings: of one text and of several, as numbers and in base64, which is what it asks for by itself, whole and cut.
import assert from "node:assert/strict";
import OpenAI, { BadRequestError } from "openai";
import { BASE_URL, check, countingFetch, MODEL, refused } from "./checks.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: "none", fetch: countingFetch });
const TEXTS = ["The cat sleeps on the mat.", "A kitten is napping on a rug.", "Shares of banks fell sharply on Monday."];
const DIMENSIONS = 384;
const embed = (more) => client.embeddings.create({ model: MODEL, input: TEXTS, ...more });

const product = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
const isAlmost = (a, b) => assert.ok(Math.abs(a - b) < 1e-4, `${a} is not ${b}`);

await check("several texts", async () => {
  const { object, data, usage } = await embed();
  assert.equal(object, "list");
  assert.deepEqual(
    data.map(({ index, embedding }) => [index, embedding.length]),
    TEXTS.map((_, index) => [index, DIMENSIONS]),
  );
  for (const { embedding } of data) isAlmost(product(embedding, embedding), 1);
  const [cat, kitten, shares] = data.map(({ embedding }) => embedding);
  assert.ok(product(cat, kitten) > product(cat, shares) + 0.2);
  assert.ok(usage.prompt_tokens > 20 && usage.total_tokens === usage.prompt_tokens);
});
await check("numbers and base64", async () => {
  const [decoded, numbers, coded] = await Promise.all(
    [{}, { encoding_format: "float" }, { encoding_format: "base64" }].map(async (more) =>
      (await embed(more)).data.map(({ embedding }) => embedding),
    ),
  );
  const bytes = Buffer.from(coded[2], "base64");
  assert.equal(bytes.length, 4 * DIMENSIONS);
  // Texts are computed together as they come, and that is in the last digits.
  for (let at = 0; at < DIMENSIONS; at++)
    for (const value of [decoded[2][at], bytes.readFloatLE(4 * at)]) isAlmost(value, numbers[2][at]);
});
await check("one text, and tokens", async () => {
  const [[several], [text]] = await Promise.all([{}, { input: TEXTS[0] }].map(async (more) => (await embed(more)).data));
  isAlmost(product(several.embedding, text.embedding), 1);
  const { tokens } = await client.post("/tokenize", { body: { model: MODEL, content: TEXTS[0] } });
  const { data } = await embed({ input: [tokens, tokens] });
  for (const { embedding } of data) isAlmost(product(embedding, text.embedding), 1);
});
await check("dimensions", async () => {
  const [whole] = (await embed()).data;
  const [cut] = (await embed({ dimensions: 64 })).data;
  assert.equal(cut.embedding.length, 64);
  isAlmost(product(cut.embedding, cut.embedding), 1);
  const head = whole.embedding.slice(0, 64);
  isAlmost(product(cut.embedding, head), Math.hypot(...head));
});
await check("refusal", async () => {
  for (const [fields, param] of [
    [{ dimensions: 1_000 }, "dimensions"],
    [{ input: ["a", ""] }, "input[1]"],
    [{ input: ["a", "word ".repeat(600)] }, "input[1]"],
  ])
    await refused(
      () => embed(fields),
      (error) => error instanceof BadRequestError && error.param === param,
    );
});
