// OpenAI's client asks for completions: texts and tokens, one and several, streamed and not.
import assert from "node:assert/strict";
import OpenAI, { BadRequestError } from "openai";
import { BASE_URL, check, countingFetch, MODEL, refused } from "./checks.mjs";

const { completions } = new OpenAI({ baseURL: BASE_URL, apiKey: "none", fetch: countingFetch });
const PROMPT = "The capital of France is";
const complete = (more) => completions.create({ model: MODEL, prompt: PROMPT, max_tokens: 8, temperature: 0, ...more });

async function streamed(more) {
  const [texts, reasons] = [[], []];
  let usage;
  const stream = await complete({ stream: true, stream_options: { include_usage: true }, ...more });
  for await (const chunk of stream) {
    assert.equal(chunk.object, "text_completion");
    usage = chunk.usage ?? usage;
    for (const { index, text, finish_reason } of chunk.choices) {
      texts[index] = (texts[index] ?? "") + text;
      if (finish_reason) reasons[index] = finish_reason;
    }
  }
  return { texts, reasons, usage };
}

await check("text", async () => {
  const { object, choices, usage } = await complete();
  assert.equal(object, "text_completion");
  assert.ok(choices[0].text.length > 0);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
});
await check("text, streamed", async () => {
  const { choices, usage } = await complete();
  const all = await streamed();
  assert.deepEqual(all.texts, [choices[0].text]);
  assert.deepEqual(all.reasons, [choices[0].finish_reason]);
  assert.equal(all.usage.total_tokens, usage.total_tokens);
});
await check("several prompts, streamed", async () => {
  const prompt = [PROMPT, "One, two, three,"];
  const { choices } = await complete({ prompt });
  assert.deepEqual((await streamed({ prompt })).texts, [choices[0].text, choices[1].text]);
});
await check("tokens", async () => {
  const { choices } = await complete({ prompt: [504, 3575, 282], echo: true });
  assert.ok(choices[0].text.length > 0);
});
await check("echo, and choices", async () => {
  const { choices } = await complete({ echo: true, n: 2, temperature: 1, seed: 1 });
  assert.deepEqual(
    choices.map(({ index, text }) => [index, text.startsWith(PROMPT)]),
    [
      [0, true],
      [1, true],
    ],
  );
});
await check("logprobs", async () => {
  const { text, logprobs } = (await complete({ logprobs: 2 })).choices[0];
  assert.equal(logprobs.tokens.join(""), text);
  assert.equal(logprobs.text_offset.length, logprobs.token_logprobs.length);
  for (const logprob of logprobs.token_logprobs) assert.ok(logprob <= 0);
});
await check("stop", async () => {
  const { text } = (await complete()).choices[0];
  const stop = text.slice(3, 6);
  const { choices } = await complete({ stop });
  assert.deepEqual([choices[0].text, choices[0].finish_reason], [text.slice(0, text.indexOf(stop)), "stop"]);
});
await check("refusal", () =>
  refused(
    () => complete({ suffix: "." }),
    (error) => error instanceof BadRequestError && error.param === "suffix" && error.code === "unsupported_parameter",
  ),
);
