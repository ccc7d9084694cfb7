// Generations of the real model under the schemas, and calls that it must make, each judged by a validator that ingle does not use.
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { Call, ModelApi } from "./model-api.ts";
import type { StructuredCase } from "./schemas.ts";

export interface StructuredRow {
  /** Those that came to their end. */
  generations: number;
  /** Others that reached the end of their tokens: the beginning of what was asked for. */
  cut: number;
  /** What does not hold, in words. */
  wrong: string[];
}

/** So many answers to a question, each with its own seed, every second one streamed. */
export async function runSchema(api: ModelApi, { question, schema }: StructuredCase, rounds: number): Promise<StructuredRow> {
  const validator = schema["$schema"] === undefined ? new Ajv2020({ strict: false }) : new Ajv({ strict: false });
  const validate = formats.default(validator).compile(withoutDraft(schema));
  const response_format = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
  return judged(rounds, async (seed) => {
    const { text, reason, broken } = await api.answer({ ...ask(question, seed), stream: seed % 2 === 0, response_format });
    if (reason === "length") return "cut";
    if (!isValid(text, validate)) return { wrong: `${text}: ${JSON.stringify(validate.errors)}` };
    return broken === undefined ? "right" : { wrong: `${text}: called invalid: ${JSON.stringify(broken)}` };
  });
}

export const TOOLS = ["get_weather", "get_time"].map((name) => ({
  type: "function",
  function: {
    ...{ name, description: "Of a city.", strict: true },
    parameters: {
      type: "object",
      properties: { city: { type: "string", pattern: "^[A-Za-z ]{1,30}$" }, unit: { enum: ["C", "F"] } },
      ...{ required: ["city", "unit"], additionalProperties: false },
    },
  },
}));
const QUESTION = "Weather and time in Rome?";
const areArguments = new Ajv2020({ strict: false }).compile(TOOLS[0]!.function.parameters);

/** So many answers that must be one call, every second one of a named tool, half of each streamed. */
export async function runCalls(api: ModelApi, rounds: number): Promise<StructuredRow> {
  const calling = { tools: TOOLS, parallel_tool_calls: false };
  return judged(rounds, async (seed) => {
    const named = seed % 2 === 0;
    const tool_choice = named ? { type: "function", function: { name: "get_time" } } : "required";
    const { reason, calls } = await api.answer({ ...ask(QUESTION, seed), ...calling, stream: seed % 4 < 2, tool_choice });
    if (reason === "length") return "cut";
    const fits = calls.length === 1 && isCall(calls[0]!) && (!named || calls[0]!.function.name === "get_time");
    return reason === "tool_calls" && fits ? "right" : { wrong: `${reason}: ${JSON.stringify(calls)}` };
  });
}

/** Calls, of which an answer may have several, whose results are handed back; and the same calls, cut after a few tokens. */
export async function runConversations(api: ModelApi, rounds: number): Promise<StructuredRow & { parallel: number }> {
  let parallel = 0;
  const calling = { tools: TOOLS, tool_choice: "required", parallel_tool_calls: true };
  const row = await judged(rounds, async (seed) => {
    const stream = seed % 2 === 0;
    const asked = ask(QUESTION, seed);
    const { reason, calls } = await api.answer({ ...asked, ...calling, stream });
    const finished = reason === "length" ? calls.slice(0, -1) : calls;
    const ended = reason === "length" || (reason === "tool_calls" && calls.length > 0);
    if (!ended || !finished.every(isCall)) return { wrong: `${reason}: ${JSON.stringify(calls)}` };
    if (new Set(calls.map(({ id }) => id)).size < calls.length) return { wrong: `Two calls of one id: ${JSON.stringify(calls)}` };
    if (calls.length > 1) parallel++;
    const cut = await api.answer({ ...asked, ...calling, stream, max_tokens: seed });
    if (cut.reason !== "length" || cut.text !== "") return { wrong: `Cut after ${seed} tokens: ${JSON.stringify(cut)}` };
    if (finished.length === 0) return "cut";
    const tool_calls = finished.map((call) => ({ ...call, type: "function" }));
    const results = tool_calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "It is 20 °C, and noon." }));
    const messages = [...asked.messages, { role: "assistant", content: null, tool_calls }, ...results];
    const answer = await api.answer({ ...asked, messages, tools: TOOLS, tool_choice: "none", stream, max_tokens: 20 });
    return answer.text !== "" && answer.calls.length === 0 ? "right" : { wrong: `Behind the results: ${JSON.stringify(answer)}` };
  });
  return { ...row, parallel };
}

function ask(content: string, seed: number) {
  return { messages: [{ role: "user", content }], max_tokens: 300, temperature: 0.8, top_p: 0.95, seed };
}

/** Goes on with further seeds until so many have come to their end. A small model goes round in circles now and then, and not always. */
async function judged(
  rounds: number,
  run: (seed: number) => Promise<"right" | "cut" | { wrong: string }>,
): Promise<StructuredRow> {
  const row: StructuredRow = { generations: 0, cut: 0, wrong: [] };
  for (let seed = 1; row.generations < rounds; seed++) {
    const found = await run(seed);
    if (found === "cut") row.cut++;
    else row.generations++;
    if (typeof found === "object") row.wrong.push(found.wrong);
    if (row.cut <= 5 * rounds) continue;
    row.wrong.push(`${row.cut} answers were cut, and ${row.generations} were not.`);
    break;
  }
  return row;
}

function isCall({ function: { name, arguments: written } }: Call): boolean {
  return TOOLS.some((tool) => tool.function.name === name) && isValid(written, areArguments);
}

function isValid(text: string, validate: (value: unknown) => boolean): boolean {
  try {
    return validate(JSON.parse(text));
  } catch {
    return false;
  }
}

/** Ajv knows the draft by its class. */
function withoutDraft(schema: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== "$schema"));
}
