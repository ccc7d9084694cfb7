// Weights of a loaded model whose bytes change while their length stays: each answer after the damage was found is refused, and a pull
// brings the model back.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { framesOf } from "../support/frames.ts";
import { sha256, startHub } from "../support/hub.ts";
import type { Runtime } from "../support/runtimes.ts";
import { eventually, startServer } from "../support/server.ts";
import { tinyGguf } from "../support/tiny-gguf.ts";
import type { Counts, Matrix } from "./runs.ts";

const BYTES = tinyGguf();
/** Behind the header, which a load would find damaged by itself. */
const FIRST_OF_TENSORS = 400_000;
const DAMAGED_BYTES = 64;

/** `rounds`: how often the file is damaged and repaired, each time at another place. */
export async function runSameSizeDamage(rounds: number, runtime: Runtime): Promise<Matrix> {
  const counts: Counts = { runs: 0, acknowledged: 0, refused: 0, killed: 0, "not reached": 0, violations: 0 };
  const violations: string[] = [];
  const root = mkdtempSync(join(tmpdir(), "ingle-same-size-"));
  const data = join(root, "data");
  const hub = await startHub({ "/tiny.gguf": BYTES });
  const server = await startServer(runtime, ["--allow-private"], { data });
  try {
    const post = async (path: string, body: object): Promise<{ downloaded?: boolean }> => {
      const headers = { "content-type": "application/json" };
      return (
        await fetch(`${server.url}/v1/models${path}`, { method: "POST", headers, body: JSON.stringify(body) })
      ).json() as never;
    };
    const pull = async (): Promise<void> => {
      const { downloaded } = await post("/download/tiny", {});
      if (downloaded === false) await framesOf(await fetch(`${server.url}/v1/models/download/tiny/events`));
    };
    const ask = async (): Promise<string> => {
      const answer = await server.chat({ model: "tiny", messages: [{ role: "user", content: "hi" }], max_tokens: 2 });
      const { error } = (await answer.json()) as { error?: { code: string } };
      counts.runs++;
      counts[answer.ok ? "acknowledged" : "refused"]++;
      return error === undefined ? "whole" : `${answer.status} ${error.code}`;
    };
    await post("", { id: "tiny", source_url: `${hub.url}/tiny.gguf`, size: BYTES.length, sha256: sha256(BYTES) });
    await pull();
    const weights = join(data, "weights/tiny/tiny.gguf");
    for (let round = 0; round < rounds; round++) {
      const before = await ask();
      if (before !== "whole") violations.push(`Before round ${round} it was answered ${before}.`);
      const from = FIRST_OF_TENSORS + round * 997;
      const damaged = Uint8Array.from(BYTES, (byte, i) => (i >= from && i < from + DAMAGED_BYTES ? ~byte : byte));
      writeFileSync(weights, damaged);
      const found = await eventually("the damage is found", async () => (await ask()) === "500 model_corrupted").catch(
        (error: Error) => error.message,
      );
      if (found !== undefined) violations.push(`Round ${round}: ${found}`);
      const later = await ask();
      if (later !== "500 model_corrupted") violations.push(`Round ${round}: afterwards it was answered ${later}.`);
      await pull();
      if (!readFileSync(weights).equals(BYTES)) violations.push(`Round ${round}: it was not repaired.`);
    }
    const last = await ask();
    if (last !== "whole") violations.push(`Repaired it was answered ${last}.`);
  } finally {
    await server.stop();
    hub.close();
    rmSync(root, { recursive: true });
  }
  return { rows: { [`${runtime.name} SAME SIZE`]: { ...counts, violations: violations.length } }, violations };
}
