// The tables of docs/api.md that say what becomes of each parameter, and what does when it is sent.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COLUMNS } from "../../tools/docs/parameters.ts";
import { exampleOf, isOf, type ParameterTable } from "../../tools/docs/parameters/table.ts";

interface Sent {
  engine: string;
  /** Which of two words in a cell holds: of a model that has what the parameter is for, or of one that has not. */
  side: number;
  send: (fields: object) => Promise<Response>;
}

/** The rows, by the heads of their columns. */
export function parameterRows({ heading }: Pick<ParameterTable, "heading">): Record<string, string>[] {
  const page = readFileSync(join(import.meta.dirname, "../../docs/api.md"), "utf8");
  const [, section = ""] = page.split(`## ${heading}\n`);
  const cells = section
    .split("\n## ")[0]!
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1));
  const [head, , ...body] = cells.map((row) => row.map((cell) => cell.trim()));
  return body.map((row) => Object.fromEntries(row.map((cell, i) => [head![i], cell])));
}

/** A sentence for each row whose parameter does otherwise. */
export async function wrongRows(table: ParameterTable, { engine, side, send }: Sent): Promise<string[]> {
  const column = COLUMNS[engine as keyof typeof COLUMNS];
  const told = parameterRows(table).map((row) => [row.parameter!.slice(1, -1), row[column]!.split(" / ").at(side)] as const);
  // The second word is there where the model makes a difference.
  const found = await Promise.all(told.map(([parameter, expected]) => expected && outcomeOf(table, parameter, send)));
  return told.flatMap(([parameter, expected], i) =>
    found[i] === expected ? [] : [`${parameter}: ${found[i]} instead of ${expected}`],
  );
}

/** What becomes of a parameter, in the words of the table. */
async function outcomeOf(table: ParameterTable, name: string, send: Sent["send"]): Promise<string> {
  const example = exampleOf(table, name);
  const is_bound = name === table.bound || /max_tokens|max_completion_tokens|n_predict|num_predict|max_new_tokens/.test(name);
  const res = await send({ ...(!is_bound && { [table.bound ?? "max_tokens"]: 2 }), ...example });
  const body = await res.text();
  if (res.status !== 200) {
    const { code, param, message } = JSON.parse(body).error;
    if (!Object.keys(example).some((field) => isOf(field, param ?? ""))) return `${res.status} of ${param}: ${message}`;
    return code === "unsupported_parameter" ? "refused" : `refused: \`${code}\``;
  }
  const is_whole = body.startsWith("{") || /\[DONE\]|^event: response\.(completed|incomplete)$/m.test(body);
  if (!is_whole) return body;
  const ignored = res.headers.get("x-ingle-ignored")?.split(", ") ?? [];
  return ignored.some((path) => isOf(name, path)) ? "passed over" : "honoured";
}
