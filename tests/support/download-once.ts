// One download as a process of its own: `ADDRESS SIZE TARGET`. Prints what it ended with.
import { download } from "../../models/download/download.ts";

const [url = "", size = "", target = ""] = process.argv.slice(2);
const file = { name: "a.gguf", size: Number(size), sources: [{ type: "url" as const, url }] };
const work = download(file, target, { allow_private: true }, new AbortController().signal);
try {
  for await (const _ of work);
  console.log("done");
} catch (error) {
  console.log(JSON.stringify({ name: (error as Error).name, code: (error as { code?: unknown }).code ?? null }));
}
process.exit();
