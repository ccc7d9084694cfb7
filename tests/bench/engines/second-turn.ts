// The first token of a conversation's second turn, where the first one is still in a slot: against a cold reading of the same.
import type { InstalledModel } from "../../../models/manifest.ts";
import { adapter, bun, DIRECT, direct, embedded, type Client, type Subject } from "./subjects.ts";
import { longText, streamed } from "./prompts.ts";
import { atMostTimes, inTurn, median, type Line } from "./report.ts";

const TOKENS = 1_500;
const GOAL_OF_COLD = 0.2;
const GOAL_OF_DIRECT = 1.1;

interface Seen {
  subject: Subject;
  cold: number[];
  warm: number[];
  prompt_tokens: number;
}

export async function secondTurn(client: Client, model: InstalledModel, rounds: number): Promise<Line[]> {
  const setup = { model, context: 2_048, slots: 4 };
  const started = [await direct(setup), await embedded(bun(), setup), await adapter(setup)];
  const seen = started
    .filter((subject) => subject !== undefined)
    .map((subject): Seen => ({ subject, cold: [], warm: [], prompt_tokens: 0 }));
  try {
    for (let round = 0; round < rounds; round++) for (const each of inTurn(seen, round)) await measure(client, each, round);
  } finally {
    await Promise.all(seen.map(({ subject }) => subject.stop()));
  }
  return lines(seen);
}

/** No seed: work of earlier turns may be used again. */
async function measure(client: Client, seen: Seen, round: number): Promise<void> {
  const { url, fresh } = seen.subject;
  const first = [{ role: "user", content: longText(`${round}.`, TOKENS) }];
  const second = (nonce: string) => [
    { role: "user", content: longText(`${nonce}.`, TOKENS) },
    { role: "assistant", content: "Once upon a time there was a king." },
    { role: "user", content: "And then?" },
  ];
  const [cold] = await client.run({ url, bodies: [streamed(second(`cold ${round}`), 4, fresh)] });
  await client.run({ url, bodies: [streamed(first, 4)] });
  const [warm] = await client.run({ url, bodies: [streamed(second(`${round}`), 4)] });
  seen.cold.push(cold!.first_ms);
  seen.warm.push(warm!.first_ms);
  seen.prompt_tokens = warm!.prompt_tokens;
}

function lines(seen: Seen[]): Line[] {
  const other = seen.find(({ subject }) => subject.name === DIRECT);
  return seen.flatMap(({ subject: { name }, cold, warm, prompt_tokens }) => {
    const what = `second turn of ${prompt_tokens} tokens, first token: ${name}`;
    const line = atMostTimes(what, median(warm), ["cold", median(cold)], "ms", GOAL_OF_COLD);
    if (other === undefined || name === DIRECT) return [line];
    return [line, atMostTimes(what, median(warm), [DIRECT, median(other.warm)], "ms", GOAL_OF_DIRECT)];
  });
}
