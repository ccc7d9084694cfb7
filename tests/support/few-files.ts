// Reads all threads of a data folder at once, on whatever runtime it is started with, then one after the other: `FOLDER`. Prints what
// the reads gave, each time. It is meant for a process that may open fewer files than that takes.
import { openFolder, readings } from "./folder.ts";

const [base = ""] = process.argv.slice(2);
const ids = [...(await openFolder(base).store.threads.ids())];

// With nothing in memory, every read is one of a file.
const { store } = openFolder(base, {}, { shared: true });
const at_once = Object.values(await readings(store, ids));
const later: string[] = [];
for (const id of ids) later.push(...Object.values(await readings(store, [id])));
console.log(JSON.stringify({ at_once: counts(at_once), later: counts(later) }));

function counts(codes: string[]): Record<string, number> {
  const all = Map.groupBy(codes, (code) => code);
  return Object.fromEntries([...all].map(([code, { length }]) => [code, length]));
}
