// The real server over one native engine and one model, twice: with a plain template, and with one that has thoughts and calls.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { withLibrary } from "../../support/library.ts";
import { seriesOf } from "../../support/metrics.ts";
import { tinyModel } from "../../support/models.ts";
import { processorTime } from "../../support/processes.ts";
import { RUNTIME } from "../../support/program.ts";
import { realModelWith } from "../../support/real-model.ts";
import { record } from "../../support/record.ts";
import { startServer, type Server } from "../../support/server.ts";
import type { AnswerKind } from "./kinds.ts";

export const ANSWER_ENGINES = ["node-llama-cpp", "llama-server"] as const;
export type EngineName = (typeof ANSWER_ENGINES)[number];

/** `real`: minutes of computing for the whole matrix. `tiny`: random weights, whose answers are as long as they may be. */
export type Weights = "real" | "tiny";

export interface AnswerServer extends Server {
  /** Posts a chat of that kind; `more` comes over its fields. */
  ask(kind: Pick<AnswerKind, "model" | "fields">, more?: object, signal?: AbortSignal): Promise<Response>;
  /** A series of `GET /metrics`, summed over both models. */
  metric(name: string): Promise<number>;
  /** Processor time of all engines so far, in ms. */
  engineTime(): number;
}

export const SLOTS = 4;
/** For what may never come. A machine that is busy with others takes a minute to load a model, and more than that to answer. */
export const PATIENCE_MS = 600_000;
/** Tokens of a slot: more than any answer here has. */
const CONTEXT = 8192;

export interface AnswerServerOptions {
  /** Tokens of a slot. */
  context?: number;
  flags?: string[];
}

const TEMPLATES = {
  plain:
    "{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
  thinking:
    "{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}{% for c in m.tool_calls or [] %}<tool_call>" +
    '{"name": "{{c.function.name}}", "arguments": {{c.function.arguments|tojson}}}</tool_call>{% endfor %}<|im_end|>\n' +
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}",
};
export const MODELS = Object.keys(TEMPLATES);

const MESSAGES = [{ role: "user", content: "Write a long list of short words." }];

export async function startAnswerServer(
  engine: EngineName,
  weights: Weights,
  { context = CONTEXT, flags = [] }: AnswerServerOptions = {},
): Promise<AnswerServer> {
  const root = mkdtempSync(join(tmpdir(), "ingle-answers-"));
  const data = join(root, "data");
  const folders = [root];
  await withLibrary(data, async (library) => {
    for (const [id, template] of Object.entries(TEMPLATES)) {
      const path = await weightsWith(weights, template);
      folders.push(dirname(path));
      await library.add(record(id, path));
    }
  });
  // One thread: several wait for each other where the machine has other work.
  const options = ["--adapter", engine, "--threads", "1", "--slots", String(SLOTS), "--context", String(context)];
  const server = await startServer(RUNTIME, [...options, ...flags], { data });
  return {
    ...server,
    ask: ({ model, fields }: Pick<AnswerKind, "model" | "fields">, more: object = {}, signal?: AbortSignal) =>
      server.chat({ model, messages: MESSAGES, temperature: 0, seed: 1, ...fields, ...more }, signal),
    async metric(name: string) {
      const series = Object.entries(seriesOf(await (await fetch(`${server.url}/metrics`)).text()));
      return series.reduce((sum, [key, value]) => (key.startsWith(`${name}{`) ? sum + value : sum), 0);
    },
    engineTime: () => server.children().reduce((sum, pid) => sum + processorTime(pid), 0),
    stop: async (signal?: NodeJS.Signals) => {
      const end = await server.stop(signal);
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      return end;
    },
  };
}

/** In a folder of their own. */
async function weightsWith(weights: Weights, template: string): Promise<string> {
  const model = weights === "tiny" ? tinyModel({ template, context_length: CONTEXT }) : realModelWith(template);
  return (await model).path;
}
