// From a client's leaving to an idle slot: how much later the next request on the only slot has its first token than on an idle one.
import type { InstalledModel } from "../../../models/manifest.ts";
import { adapter, bun, DIRECT, direct, embedded, type Client, type Subject } from "./subjects.ts";
import { longText, story, streamed } from "./prompts.ts";
import { atMost, inTurn, median, percentile, type Line } from "./report.ts";

const LONG = 1_500;
const BATCH = 512;
// Amid the first batches of the long prompt, and amid an answer.
const LEAVES = {
  prefill: { after: "beginning", ms: 100 },
  decode: { after: "token", ms: 60 },
} as const;
type Phase = keyof typeof LEAVES;
const DECODE_GOAL = 50;

interface Seen {
  subject: Subject;
  late: Record<Phase, number[]>;
  /** Of a prompt of one batch. */
  batch: number[];
}

export async function leaving(client: Client, model: InstalledModel, times: number): Promise<Line[]> {
  const setup = { model, context: 2_048, slots: 1 };
  const started = [await embedded(bun(), setup), await adapter(setup), await direct(setup)];
  const seen = started
    .filter((subject) => subject !== undefined)
    .map((subject): Seen => ({ subject, late: { prefill: [], decode: [] }, batch: [] }));
  try {
    for (let i = 0; i < times; i++) for (const each of inTurn(seen, i)) await measure(client, each, i);
  } finally {
    await Promise.all(seen.map(({ subject }) => subject.stop()));
  }
  return seen.flatMap(lines);
}

async function measure(client: Client, { subject, late, batch }: Seen, i: number): Promise<void> {
  const { url, fresh } = subject;
  const next = (nonce: string) => story(`${nonce} ${i}.`, 1, 1, fresh);
  const long = (nonce: string, tokens: number) =>
    streamed([{ role: "user", content: longText(`${nonce} ${i}.`, tokens) }], 1, { seed: 1, ...fresh });
  const idle = async (nonce: string) => (await client.run({ url, bodies: [next(nonce)] }))[0]!.first_ms;
  await idle("w");
  const undisturbed = median([await idle("a"), await idle("b"), await idle("c")]);
  const [one] = await client.run({ url, bodies: [long("batch", BATCH)] });
  batch.push((one!.first_ms * BATCH) / one!.prompt_tokens);
  const bodies = { prefill: long("left", LONG), decode: story(`left ${i}.`, 2, 500, fresh) };
  for (const phase of Object.keys(LEAVES) as Phase[]) {
    const [, after] = await client.run({ url, bodies: [bodies[phase], next(phase)], in_turn: true, leave: LEAVES[phase] });
    late[phase].push(Math.max(0, after!.first_ms - undisturbed));
  }
}

function lines({ subject: { name }, late, batch }: Seen): Line[] {
  const goals: Record<Phase, number> = { prefill: Math.round(median(batch)), decode: DECODE_GOAL };
  return (Object.keys(LEAVES) as Phase[]).map((phase) => {
    const what = `from leaving in ${phase} to an idle slot, p99: ${name}`;
    const value = percentile(late[phase], 0.99);
    if (name === DIRECT) return { what, value: `${value.toFixed(1)} ms` };
    return atMost(what, value, "ms", { goal: goals[phase] }, phase === "prefill" ? "one batch" : undefined);
  });
}
