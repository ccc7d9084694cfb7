import { defineCommand } from "citty";
import { describeSpeeds, type SpeedRow } from "../../adapters/auto/describe.ts";
import type { EngineRow } from "../inference/engine-row.ts";
import { withApi } from "./api.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { print, printNote } from "./print.ts";
import { formatBytes, formatDuration } from "../support/quantities.ts";
import { table, type TableColumn } from "./table.ts";

export default defineCommand({
  args: {
    json: { type: "boolean", default: false, description: "One JSON array instead of a table" },
    ...DATA_ARGS,
  },
  run: ({ args: { json, ...settings } }) =>
    withApi(settings, { command: "ps", reads: true }, async (api) => {
      const { data: rows, notice, speeds = [] } = await api.json<LoadedModels>("/v1/ps");
      if (notice !== undefined) printNote(notice);
      for (const row of speeds.filter(({ engines }) => engines.length > 0)) printNote(`${describeSpeeds(row)}.`);
      if (json) print(JSON.stringify(rows, null, 2));
      else if (rows.length === 0) printNote("No model is loaded. The first request to one loads it.");
      else print(formatTable(rows, Date.now() / 1000));
    }),
});

interface LoadedModels {
  data: EngineRow[];
  notice?: string;
  speeds?: SpeedRow[];
}

/** `now`: seconds since 1970. */
function formatTable(rows: EngineRow[], now: number): string {
  const cells = rows.map((row) => {
    const { id, state, adapter, memory_bytes, context_length, busy, slots, queued, idle_s } = row;
    const memory = memory_bytes === null ? "?" : formatBytes(memory_bytes);
    const idle = busy > 0 ? "" : formatDuration(idle_s);
    const sizes = [memory, String(context_length ?? "?")];
    return [
      id,
      state,
      adapter ?? "?",
      processorOf(row),
      ...sizes,
      `${busy}/${slots}`,
      String(queued),
      idle,
      unloadTime(row, now),
    ];
  });
  return table(COLUMNS, cells);
}

const COLUMNS: TableColumn[] = [
  ...[{ title: "ID", least: 28 }, { title: "STATE" }, { title: "ADAPTER", leave: 4 }, { title: "PROCESSOR", leave: 7 }],
  ...[
    { title: "MEMORY", leave: 6 },
    { title: "CONTEXT", leave: 1 },
    { title: "SLOTS", leave: 5 },
    { title: "QUEUED", leave: 2 },
  ],
  ...[
    { title: "IDLE", leave: 3 },
    { title: "UNLOADED", leave: 8 },
  ],
];

/** What computes: the processor, or a card with this share of the model; not known of models that other servers run. */
function processorOf({ memory_bytes, card_bytes = 0 }: EngineRow): string {
  const all = (memory_bytes ?? 0) + card_bytes;
  if (all === 0) return "?";
  const share = Math.round((100 * card_bytes) / all);
  return share === 0 ? "processor" : `${share} % card`;
}

/** When the model is unloaded if no request comes. */
function unloadTime({ pinned, busy, expires_at }: EngineRow, now: number): string {
  if (pinned) return "never (pinned)";
  if (expires_at !== null) return `in ${formatDuration(Math.max(0, Math.round(expires_at - now)))}`;
  return busy > 0 ? "" : "never";
}
