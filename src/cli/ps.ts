import { defineCommand } from "citty";
import { readConfig } from "../server/read-config.ts";
import type { EngineRow } from "../inference/engine-row.ts";
import { connect, type Api } from "./api.ts";
import { columns } from "./columns.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { print, printNote } from "./print.ts";
import { formatBytes } from "../support/quantities.ts";

export default defineCommand({
  meta: { name: "ps", description: "Show the models that are loaded." },
  args: {
    json: { type: "boolean", default: false, description: "One JSON array instead of a table" },
    ...DATA_ARGS,
  },
  async run({ args: { json, ...settings } }) {
    const api = await connect(readConfig(settings), { command: "ps", reads: true });
    try {
      const { data: rows, notice } = await loadedModels(api);
      if (notice !== undefined) printNote(notice);
      if (json) print(JSON.stringify(rows, null, 2));
      else if (rows.length === 0) printNote("No model is loaded. The first request to one loads it.");
      else print(formatTable(rows, Date.now() / 1000));
    } finally {
      await api.close();
    }
  },
});

async function loadedModels(api: Api): Promise<{ data: EngineRow[]; notice?: string }> {
  return (await (await api.request("/v1/ps")).json()) as { data: EngineRow[]; notice?: string };
}

/** `now`: seconds since 1970. */
function formatTable(rows: EngineRow[], now: number): string {
  return columns([
    ["ID", "STATE", "MEMORY", "CONTEXT", "SLOTS", "QUEUED", "IDLE", "UNLOADED"],
    ...rows.map((row) => cells(row, now)),
  ]);
}

function cells(row: EngineRow, now: number): string[] {
  const { id, state, memory_bytes, context_length, busy, slots, queued, idle_s } = row;
  return [
    id,
    state,
    memory_bytes === null ? "?" : formatBytes(memory_bytes),
    String(context_length ?? "?"),
    `${busy}/${slots}`,
    String(queued),
    busy > 0 ? "" : formatDuration(idle_s),
    unloadTime(row, now),
  ];
}

/** When the model is unloaded if no request comes. */
function unloadTime({ pinned, busy, expires_at }: EngineRow, now: number): string {
  if (pinned) return "never (pinned)";
  if (expires_at !== null) return `in ${formatDuration(Math.max(0, Math.round(expires_at - now)))}`;
  return busy > 0 ? "" : "never";
}

/** Seconds in words: `45 s`, `5 min`, `3 h`. */
function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
