// OpenAI's client asks for decisions: each type of question about each type of input.
import assert from "node:assert/strict";
import OpenAI, { BadRequestError } from "openai";
import { BASE_URL, check, countingFetch, MODEL, refused } from "./checks.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: "none", fetch: countingFetch });
const { decisions } = client;
const INPUT = "I was charged twice this month. Please give the money back.";
const URGENT = { type: "predicate", name: "urgent", instructions: "The customer wants money back." };
const TEAM = {
  type: "choice",
  name: "team",
  instructions: "Who is to answer?",
  choices: [
    { value: "billing" },
    { value: "support", description: "when something does not work" },
    { value: true },
    { value: "true" },
  ],
};
const ANGER = {
  type: "score",
  instructions: "How angry is the customer?",
  levels: [{ label: "calm" }, { label: "annoyed" }, { label: "furious", description: "shouts" }],
};
const decide = (input, questions) => decisions.create({ model: MODEL, input, questions });
const isProbability = (value) => assert.ok(value >= 0 && value <= 1);
const sumsToOne = (probabilities) => {
  for (const { probability } of probabilities) isProbability(probability);
  assert.ok(Math.abs(probabilities.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-6);
};

await check("a predicate", async () => {
  const { answers, model } = await decide(INPUT, [URGENT]);
  assert.deepEqual(Object.keys(answers[0]).sort(), ["name", "probability", "type"]);
  assert.deepEqual([answers[0].type, answers[0].name, model], ["predicate", "urgent", MODEL]);
  isProbability(answers[0].probability);
});
await check("a choice", async () => {
  const [{ type, choice, confidence, probabilities }] = (await decide(INPUT, [TEAM])).answers;
  assert.equal(type, "choice");
  assert.deepEqual(
    probabilities.map(({ value }) => value),
    TEAM.choices.map(({ value }) => value),
  );
  sumsToOne(probabilities);
  assert.equal(confidence, Math.max(...probabilities.map(({ probability }) => probability)));
  assert.equal(probabilities.find(({ value }) => value === choice).probability, confidence);
});
await check("a score", async () => {
  const [{ type, name, score, confidence, probabilities }] = (await decide(INPUT, [ANGER])).answers;
  assert.deepEqual([type, name], ["score", null]);
  assert.deepEqual(
    probabilities.map(({ label, value }) => [label, value]),
    ANGER.levels.map(({ label }, value) => [label, value]),
  );
  sumsToOne(probabilities);
  isProbability(confidence);
  assert.ok(Math.abs(probabilities.reduce((sum, { value, probability }) => sum + value * probability, 0) - score) < 1e-9);
});
await check("answers in the order of the questions", async () => {
  const { answers, usage } = await decide(INPUT, [ANGER, URGENT, TEAM, { ...URGENT, name: "again" }]);
  assert.deepEqual(
    answers.map(({ type, name }) => [type, name]),
    [
      ["score", null],
      ["predicate", "urgent"],
      ["choice", "team"],
      ["predicate", "again"],
    ],
  );
  assert.ok(Math.abs(answers[1].probability - answers[3].probability) < 0.02);
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
  assert.ok(usage.input_tokens_details.cached_tokens <= usage.input_tokens);
});
await check("a conversation with calls of tools", async () => {
  const input = [
    { role: "developer", content: "You answer customers." },
    {
      role: "user",
      content: [
        { type: "input_text", text: INPUT },
        { type: "input_json", data: { customer: 7 } },
      ],
    },
    { type: "function_call", call_id: "call_1", name: "find_payments", arguments: '{"customer":7}' },
    { type: "function_call_output", call_id: "call_1", output: "two payments in June" },
    { type: "custom_tool_call", call_id: "call_2", name: "note", input: "charged twice" },
    { type: "custom_tool_call_output", call_id: "call_2", output: [{ type: "input_text", text: "noted" }] },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "You were charged twice." }] },
  ];
  const { answers } = await decide(input, [URGENT, TEAM]);
  assert.deepEqual(
    answers.map(({ type }) => type),
    ["predicate", "choice"],
  );
});
await check("many choices", async () => {
  const choices = Array.from({ length: 24 }, (_, i) => ({ value: `item ${i + 1}` }));
  const { answers } = await decide("Item 17 is broken.", [{ type: "choice", instructions: "Which item?", choices }, URGENT]);
  assert.equal(answers[0].probabilities.length, 24);
  sumsToOne(answers[0].probabilities);
});
await check("refusal", async () => {
  const twice = { ...TEAM, choices: [{ value: "a" }, { value: "a" }] };
  const isNamed = (error) => error instanceof BadRequestError && error.param === "questions[0].choices";
  await refused(() => decide(INPUT, [twice]), isNamed);
});
