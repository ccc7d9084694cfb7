// Generations of the real model under the schemas, and calls that it must make, each judged by a validator that ingle does not use.
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { ChatEvent, ChatRequest, Engine } from "../../adapters/adapter.ts";
import { ask } from "../support/models.ts";
import type { StructuredCase } from "./schemas.ts";

export interface StructuredRow {
  generations: number;
  /** Answers that reached the end of their tokens: the beginning of what was asked for. */
  cut: number;
  /** What does not hold, in words. */
  wrong: string[];
}

/** So many answers to a question, each with its own seed. */
export async function runSchema(engine: Engine, { question, schema }: StructuredCase, rounds: number): Promise<StructuredRow> {
  const validator = schema["$schema"] === undefined ? new Ajv2020({ strict: false }) : new Ajv({ strict: false });
  const validate = formats.default(validator).compile(withoutDraft(schema));
  const row: StructuredRow = { generations: 0, cut: 0, wrong: [] };
  for (let seed = 1; seed <= rounds; seed++) {
    const response_format = { type: "json_schema" as const, json_schema: { name: "answer", schema, strict: true } };
    const { text, reason, failure } = await answerOf(engine, { question, seed, response_format });
    row.generations++;
    if (reason === "length") row.cut++;
    else if (!isValid(text, validate)) row.wrong.push(`${text}: ${JSON.stringify(validate.errors)}`);
    else if (failure !== undefined) row.wrong.push(`${text}: called invalid at ${JSON.stringify(failure)}`);
  }
  return row;
}

const TOOLS = ["get_weather", "get_time"].map((name) => ({
  type: "function" as const,
  function: {
    ...{ name, description: "Of a city.", strict: true },
    parameters: {
      type: "object",
      properties: { city: { type: "string", pattern: "^[A-Za-z ]{1,30}$" }, unit: { enum: ["C", "F"] } },
      ...{ required: ["city", "unit"], additionalProperties: false },
    },
  },
}));

/** So many calls that must be made, every second one of a named tool. */
export async function runCalls(engine: Engine, rounds: number): Promise<StructuredRow> {
  const row: StructuredRow = { generations: 0, cut: 0, wrong: [] };
  const validate = new Ajv2020({ strict: false }).compile(TOOLS[0]!.function.parameters);
  for (let seed = 1; seed <= rounds; seed++) {
    const tool_choice = seed % 2 === 0 ? { name: "get_time" } : ("required" as const);
    const { reason, calls } = await answerOf(engine, { question: "Weather and time in Rome?", seed, tools: TOOLS, tool_choice });
    row.generations++;
    if (reason === "length") {
      row.cut++;
      continue;
    }
    const fits = calls.every(
      ({ name, arguments: written }) => TOOLS.some((tool) => tool.function.name === name) && isValid(written, validate),
    );
    const named = typeof tool_choice === "string" || calls.every(({ name }) => name === tool_choice.name);
    if (reason !== "tool_calls" || calls.length === 0 || !fits || !named) row.wrong.push(`${reason}: ${JSON.stringify(calls)}`);
  }
  return row;
}

async function answerOf(engine: Engine, { question, ...more }: Partial<ChatRequest> & { question: string }) {
  const request = ask(question, { max_tokens: 300, temperature: 0.8, top_p: 0.95, repeatable: true, ...more });
  let text = "";
  const calls: { name: string; arguments: string }[] = [];
  let finish: Extract<ChatEvent, { type: "finish" }> | undefined;
  for await (const event of engine.chat(request, AbortSignal.timeout(100_000))) {
    if (event.type === "text") text += event.text;
    else if (event.type === "finish") finish = event;
    else if (event.type === "tool_call") {
      const call = (calls[event.index] ??= { name: "", arguments: "" });
      call.name += event.name ?? "";
      call.arguments += event.arguments;
    }
  }
  return { text, calls, reason: finish!.reason, failure: finish!.schema_failure };
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
