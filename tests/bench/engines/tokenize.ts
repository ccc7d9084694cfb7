// A text of 20,000 tokens, over HTTP and by the bare tokenizer of the same library.
import { getLlama } from "node-llama-cpp";
import type { InstalledModel } from "../../../models/manifest.ts";
import { longText } from "./prompts.ts";
import { atMostTimes, inTurn, median, type Line } from "./report.ts";
import { bun, embedded } from "./subjects.ts";

const TOKENS = 20_000;
const GOAL = 1.2;

export async function tokenizing(model: InstalledModel, rounds: number): Promise<Line[]> {
  const llama = await getLlama({ gpu: false, build: "never", progressLogs: false });
  const bare = await llama.loadModel({ modelPath: model.path, vocabOnly: true });
  const subject = await embedded(bun(), { model, slots: 1, context: 512 });
  const content = longText("", TOKENS);
  const seen = { ingle: [] as number[], bare: [] as number[] };
  let count = 0;
  const ways = {
    async ingle() {
      const body = JSON.stringify({ content });
      const init = { method: "POST", headers: { "content-type": "application/json" }, body };
      count = ((await (await fetch(`${subject.url}/v1/tokenize`, init)).json()) as { count: number }).count;
    },
    bare: async () => void (count = bare.tokenize(content, true).length),
  };
  try {
    for (let round = -2; round < rounds; round++)
      for (const way of inTurn(["ingle", "bare"] as const, Math.max(0, round))) {
        const began = performance.now();
        await ways[way]();
        if (round >= 0) seen[way].push(performance.now() - began);
      }
  } finally {
    await subject.stop();
    await bare.dispose();
    await llama.dispose();
  }
  const what = `tokenize of ${count} tokens`;
  return [atMostTimes(what, median(seen.ingle), ["the bare tokenizer", median(seen.bare)], "ms", GOAL)];
}
