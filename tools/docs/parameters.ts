// The table of docs/api.md, from the list of parameters of a chat request: what becomes of each is tried, of every kind of engine.
import { join } from "node:path";
import type { ChatEvent, ChatRequest, Engine } from "../../adapters/adapter.ts";
import type { Model } from "../../models/manifest.ts";
import { ChatCompletionRequest } from "../../src/api/chat/request.ts";
import { type KnownParameter, PARAMETERS } from "../../src/api/chat/parameters/list.ts";
import { type PreparedChat, prepareChat } from "../../src/api/chat/prepare.ts";
import { ApiError } from "../../src/http/errors.ts";
import { validateWith } from "../../src/http/validate.ts";
import { createAdapters } from "../../src/server/adapters.ts";
import type { Config } from "../../src/server/settings.ts";
import { exampleOf } from "./parameter-examples.ts";
import { type MadePage, pageWithTable } from "./table.ts";

const PAGE = join(import.meta.dirname, "../../docs/api.md");
const BEGIN = "<!-- The table is made by `npm run docs` from src/api/chat/parameters/list.ts. -->\n\n";
const END = "\n<!-- End of the table. -->";

const ORDER: KnownParameter["treatment"]["type"][] = ["honoured", "mapped", "switch", "thoughts", "passed over", "refused"];

/** The kinds of engines, by the heads of their columns. */
export const COLUMNS = { "node-llama-cpp": "embedded", "llama-server": "llama-server", upstream: "other servers" } as const;

const HEAD = ["parameter", "known from", ...Object.values(COLUMNS), "is", "asks for nothing"];

export async function parametersPage(): Promise<MadePage> {
  const names = ORDER.flatMap((type) => [...PARAMETERS].filter(([, { treatment }]) => treatment.type === type));
  const rows = names.map(async ([name, { from, nothing, treatment }]) => {
    const cells = await Promise.all(Object.keys(COLUMNS).map((engine) => cellOf(name, engine as keyof typeof COLUMNS)));
    return [`\`${name}\``, from, ...cells, treatment.type === "mapped" ? `\`${treatment.to}\`` : "", nothing.says];
  });
  return pageWithTable(PAGE, BEGIN, END, [HEAD, ...(await Promise.all(rows))]);
}

const SILENT = { info: () => {}, warn: () => {} };

/** A template with tools, thoughts, a switch for them and efforts, and one that has none of these. */
const RICH: Partial<Model> = {
  template_tools: true,
  template_kwargs: ["enable_thinking", "reasoning_effort"],
  template_thinking: true,
};
const POOR: Partial<Model> = { template_tools: false, template_kwargs: [], template_thinking: false };

/** Two words where it depends on the chat template. */
async function cellOf(name: string, engine: keyof typeof COLUMNS): Promise<string> {
  if (engine === "upstream") return outcomeOf(name, "auto", { files: [], upstream: { urls: ["http://127.0.0.1:1/v1"] } });
  const [rich, poor] = [await outcomeOf(name, engine, RICH), await outcomeOf(name, engine, POOR)];
  return rich === poor ? rich : `${rich} / ${poor}`;
}

/** `setting`: as `--adapter` has it. */
async function outcomeOf(name: string, setting: Config["adapter"], more: Partial<Model>): Promise<string> {
  const files = [{ name: "tiny.gguf", sources: [] }];
  const base = { id: "tiny", object: "model", name: "tiny", version: "1", description: "", format: "gguf", created: 0 } as const;
  const model: Model = {
    ...base,
    owned_by: "",
    settings: {},
    parameters: {},
    metadata: {},
    files,
    ...more,
  };
  const adapter = createAdapters({ adapter: setting, llama_server: undefined }, SILENT).adapterOf(model);
  try {
    const messages = [{ role: "user", content: "hello" }];
    const request = validateWith(ChatCompletionRequest, { messages, ...exampleOf(name) });
    const prepared = await prepareChat(request, { model, adapter, newSeed: () => 0, cache_scope: "" });
    if (prepared.ignored.some((path) => isOf(name, path))) return "passed over";
    return (await isHandedOn(name, prepared)) ? "handed on" : "honoured";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.code === "unsupported_parameter" ? "refused" : `refused: \`${error.code}\``;
  }
}

/** Whether a path is the parameter's, or within it. */
export const isOf = (name: string, path: string): boolean =>
  path === name || (path.startsWith(name) && /^[.[/#]/.test(path.slice(name.length)));

/** As the client has sent it, to a server that may know it. */
async function isHandedOn(name: string, { answer }: PreparedChat): Promise<boolean> {
  let hints: ChatRequest["hints"];
  const engine = {
    async *chat(request: ChatRequest): AsyncGenerator<ChatEvent> {
      ({ hints } = request);
      yield { type: "text", text: "" };
    },
  };
  for await (const _ of answer(engine as Partial<Engine> as Engine, new AbortController().signal, 1));
  return Object.hasOwn(hints ?? {}, name);
}
