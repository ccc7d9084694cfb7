// `npm run bench:structured`: what schemas and logprobs cost. ONLY=builds,decoding, ROUNDS=n and MAX_TOKENS=n make it shorter.
import { cpus } from "node:os";
import { startClient } from "./engines/subjects.ts";
import { print } from "./engines/report.ts";
import { decoding } from "./structured/decoding.ts";
import { grammarBuilds } from "./structured/grammar-builds.ts";

const ONLY = (process.env.ONLY ?? "builds,decoding").split(",");

console.log(cpus()[0]?.model ?? "an unknown processor");
if (ONLY.includes("builds")) console.table(grammarBuilds());
if (ONLY.includes("decoding")) {
  const client = await startClient();
  print("decoding", await decoding(client));
  client.stop();
}
