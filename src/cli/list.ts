import { defineCommand } from "citty";
import { catalog } from "../../models/catalog.ts";
import type { Model } from "../../models/model.ts";
import { dataFolder } from "../config.ts";
import { type Library, openLibrary } from "../library.ts";
import { size } from "./progress.ts";

export default defineCommand({
  meta: { name: "list", description: "Show the models of the data folder." },
  args: {
    catalog: { type: "boolean", default: false, description: "Also those that can be downloaded" },
    json: { type: "boolean", default: false, description: "One JSON array instead of a table" },
    data: { type: "string", description: "The data folder", valueHint: "folder" },
  },
  async run({ args }) {
    const damaged: string[] = [];
    const onDamaged = (id: string, error: Error) => {
      console.error(error.message);
      damaged.push(id);
    };
    const rows = await list(openLibrary(dataFolder(args.data), { onDamaged }), damaged, args.catalog);
    if (args.json) console.log(JSON.stringify(rows, null, 2));
    else if (rows.length === 0) console.error('No model is installed. "ingle list --catalog" shows what "ingle pull" can fetch.');
    else console.log(table(rows));
  },
});

/** One model of the list. `partial`: a download was stopped. `damaged`: its record cannot be read, or its file is missing or has changed. */
interface Row {
  id: string;
  /** Bytes; null while unknown. */
  size: number | null;
  /** Tokens; null while unknown. */
  context_length: number | null;
  license: string | null;
  state: "installed" | "damaged" | "partial" | "available";
}

/** `damaged` is filled while the records are read. */
async function list(library: Library, damaged: string[], withCatalog: boolean): Promise<Row[]> {
  const installed = await library.list();
  const known = new Set([...installed.map((model) => model.id), ...damaged]);
  const others = catalog().filter((model) => !known.has(model.id));
  const rows = await Promise.all([
    ...installed.map(async (model) =>
      row(
        model,
        await library.resolve(model).then(
          () => "installed" as const,
          () => "damaged" as const,
        ),
      ),
    ),
    ...others.map(async (model) => row(model, (await library.partial(model.id)) > 0 ? "partial" : "available")),
    ...damaged.map((id): Row => ({ id, size: null, context_length: null, license: null, state: "damaged" })),
  ]);
  return rows.filter((row) => withCatalog || row.state !== "available").sort((a, b) => (a.id < b.id ? -1 : 1));
}

function row(model: Model, state: Row["state"]): Row {
  const bytes = model.files.reduce((sum, file) => sum + (file.size ?? NaN), 0);
  return {
    id: model.id,
    size: Number.isNaN(bytes) ? null : bytes,
    context_length: model.context_length ?? null,
    license: model.license ?? null,
    state,
  };
}

function table(rows: Row[]): string {
  const cells = rows.map((row) => [
    row.id,
    row.size === null ? "?" : size(row.size),
    String(row.context_length ?? "?"),
    row.license ?? "?",
    row.state,
  ]);
  const lines = [["ID", "SIZE", "CONTEXT", "LICENCE", "STATE"], ...cells];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
