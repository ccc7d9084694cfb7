import { defineCommand } from "citty";
import { readConfig } from "../server/read-config.ts";
import type { MemoryFit } from "../inference/memory-estimator.ts";
import { connect, type Api } from "./api.ts";
import { columns } from "./columns.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { print, printNote } from "./print.ts";
import { formatBytes } from "../support/quantities.ts";

export default defineCommand({
  meta: { name: "list", description: "Show the models of the data folder." },
  args: {
    catalog: { type: "boolean", default: false, description: "Include the models that can be downloaded" },
    json: { type: "boolean", default: false, description: "One JSON array instead of a table" },
    ...DATA_ARGS,
  },
  async run({ args: { catalog, json, ...settings } }) {
    const api = await connect(readConfig(settings), { command: "list", reads: true });
    try {
      const rows = await listModels(api, catalog);
      if (json) print(JSON.stringify(rows, null, 2));
      else if (rows.length === 0) printNote('No model is installed. "ingle list --catalog" shows what "ingle pull" can fetch.');
      else print(formatTable(rows));
    } finally {
      await api.close();
    }
  },
});

/** One model of the list. `partial`: a download was stopped. `damaged`: its record cannot be read, or its file is missing or has changed. */
interface Row {
  id: string;
  /** Bytes; null while unknown, and for a model that other servers run. */
  size: number | null;
  /** Tokens; null while unknown. */
  context_length: number | null;
  license: string | null;
  state: "installed" | "damaged" | "downloading" | "partial" | "available";
  /** Bytes of memory; null while unknown. */
  needed_bytes: number | null;
  /** Whether this machine has them; null while unknown. */
  fits: boolean | null;
  /** Addresses of the servers that run it; null for one that this machine runs. */
  servers: string[] | null;
}

/** The fields of the API's models that a row is made of. */
interface ListedModel extends Pick<Row, "id" | "context_length"> {
  license?: string;
  upstream?: { urls: string[] };
  metadata: { size?: number };
  state: "available" | "downloading" | "stopped" | "loading" | "running" | "damaged";
  partial_bytes?: number;
  fit?: MemoryFit;
}

async function listModels(api: Api, withCatalog: boolean): Promise<Row[]> {
  const { data } = (await (await api.request("/v1/models?catalog=true")).json()) as { data: ListedModel[] };
  return data.map(rowOf).filter(({ state }) => withCatalog || state !== "available");
}

function rowOf({ id, context_length, license, metadata, state, partial_bytes = 0, fit, upstream }: ListedModel): Row {
  return {
    id,
    size: metadata.size || null,
    context_length,
    license: license ?? null,
    state: state === "available" && partial_bytes > 0 ? "partial" : (STATE[state] ?? "installed"),
    needed_bytes: fit?.needed_bytes ?? null,
    fits: fit?.fits ?? null,
    servers: upstream?.urls ?? null,
  };
}

/** A model that is loaded is `installed`: the list is about files. */
const STATE: Partial<Record<ListedModel["state"], Row["state"]>> = {
  available: "available",
  damaged: "damaged",
  downloading: "downloading",
};

/** Disk and memory of a model that other servers run. */
const NONE = "none";

function formatTable(rows: Row[]): string {
  const cells = rows.map((row) => [
    row.id,
    row.servers !== null ? NONE : row.size === null ? "?" : formatBytes(row.size),
    String(row.context_length ?? "?"),
    row.license ?? "?",
    row.servers !== null
      ? NONE
      : row.needed_bytes === null
        ? "?"
        : formatBytes(row.needed_bytes) + (row.fits ? "" : ", too much"),
    row.servers === null ? row.state : `on ${row.servers.length === 1 ? "another server" : `${row.servers.length} servers`}`,
  ]);
  return columns([["ID", "SIZE", "CONTEXT", "LICENCE", "MEMORY", "STATE"], ...cells]);
}
