import { defineCommand } from "citty";
import type { MemoryFit } from "../inference/memory-estimator.ts";
import { withApi } from "./api.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { asCalled } from "./invocation.ts";
import { print, printNote } from "./print.ts";
import { formatBytes } from "../support/quantities.ts";
import { table, type TableColumn } from "./table.ts";

export default defineCommand({
  args: {
    catalog: { type: "boolean", default: false, description: "Include the models that can be downloaded" },
    json: { type: "boolean", default: false, description: "One JSON array instead of a table" },
    ...DATA_ARGS,
  },
  run: ({ args: { catalog, json, ...settings } }) =>
    withApi(settings, { command: "list", reads: true }, async (api) => {
      const { data } = await api.json<{ data: ListedModel[] }>("/v1/models?catalog=true");
      const rows = data.map(rowOf).filter(({ state }) => catalog || state !== "available");
      if (json) print(JSON.stringify(rows, null, 2));
      else if (rows.length === 0) printNote('No model is installed. "ingle list --catalog" shows what "ingle pull" can fetch.');
      else print([formatTable(rows), ...rows.flatMap(({ problem }) => (problem === null ? [] : asCalled(problem)))].join("\n"));
    }),
});

/** One model of the list. `queued`: its download waits for others to end. `waiting`: it waits before another try. `partial`: a download was stopped. */
interface Row {
  id: string;
  /** Bytes; null while unknown, and for a model that other servers run. */
  size: number | null;
  /** Tokens; null while unknown. */
  context_length: number | null;
  license: string | null;
  state: "installed" | "damaged" | "downloading" | "queued" | "waiting" | "partial" | "available";
  /** What is wrong with one that is `damaged`, and what to do. */
  problem: string | null;
  /** Bytes of memory; null while unknown. */
  needed_bytes: number | null;
  /** Whether this machine has them; null while unknown. */
  fits: boolean | null;
  /** Where its layers would lie; null while unknown, and where it does not fit. */
  place: MemoryFit["place"];
  /** What it can be asked for. */
  capabilities: string[];
  /** How it calls tools, and whether it thinks; null while unknown. */
  tool_calls: "native" | "prompted" | "unverified" | null;
  reasoning: boolean | null;
  /** Addresses of the servers that run it; null for one that this machine runs. */
  servers: string[] | null;
}

/** The fields of the API's models that a row is made of. */
interface ListedModel extends Pick<Row, "id" | "context_length" | "capabilities"> {
  license?: string;
  upstream?: { urls: string[] };
  metadata: { size?: number };
  state: "available" | "downloading" | "queued" | "waiting" | "stopped" | "loading" | "running" | "damaged";
  problem?: string;
  partial_bytes?: number;
  fit?: MemoryFit;
  tool_calls?: Row["tool_calls"];
  reasoning?: boolean;
}

function rowOf(model: ListedModel): Row {
  const { id, context_length, license, metadata, state, problem, partial_bytes = 0, fit, upstream, capabilities } = model;
  return {
    id,
    size: metadata.size || null,
    context_length,
    license: license ?? null,
    state: stateOf(state, partial_bytes),
    problem: problem ?? null,
    needed_bytes: fit?.needed_bytes ?? null,
    fits: fit?.fits ?? null,
    place: fit?.place ?? null,
    capabilities,
    tool_calls: model.tool_calls ?? null,
    reasoning: model.reasoning ?? null,
    servers: upstream?.urls ?? null,
  };
}

/** A model that is loaded is `installed`: the list is about files. */
function stateOf(state: ListedModel["state"], partial_bytes: number): Row["state"] {
  if (state === "available" && partial_bytes > 0) return "partial";
  return state === "stopped" || state === "loading" || state === "running" ? "installed" : state;
}

function formatTable(rows: Row[]): string {
  const cells = rows.map((row) => {
    const { id, size, context_length, license, state, needed_bytes, fits, place, servers, tool_calls, reasoning } = row;
    // A model that other servers run takes neither disk nor memory here.
    const bytes = (count: number | null): string => (servers ? "none" : count === null ? "?" : formatBytes(count));
    const memory = bytes(needed_bytes) + (fits === false ? ", too much" : place === null ? "" : PLACES[place]);
    const where = servers && `on ${servers.length === 1 ? "another server" : `${servers.length} servers`}`;
    const kind = servers ? "?" : kindOf(row.capabilities);
    const chats = kind === "chat" || kind === "?";
    const thinks = reasoning === null ? "?" : reasoning ? "yes" : "no";
    const of_chat = chats ? [tool_calls ?? "?", thinks] : ["-", "-"];
    return [id, bytes(size), String(context_length ?? "?"), license ?? "?", kind, ...of_chat, memory, where ?? state];
  });
  return table(COLUMNS, cells);
}

const COLUMNS: TableColumn[] = [
  ...[
    { title: "ID", least: 28 },
    { title: "SIZE", leave: 7 },
    { title: "CONTEXT", leave: 4 },
    { title: "LICENCE", leave: 1 },
  ],
  ...[
    { title: "KIND", leave: 5 },
    { title: "TOOLS", leave: 3 },
    { title: "REASONING", leave: 2 },
    { title: "MEMORY", leave: 6 },
  ],
  { title: "STATE" },
];

/** What the main memory alone does not hold. */
const PLACES = { card: ", on the card", card_and_memory: ", partly on the card", memory: "" };

/** What a model is for, in one word. */
function kindOf(capabilities: string[]): string {
  return KINDS.find((kind) => capabilities.includes(kind)) ?? "none";
}

const KINDS = ["chat", "embeddings", "rerank"];
