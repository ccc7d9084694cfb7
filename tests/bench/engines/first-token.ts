// The time to the first token that ingle adds to llama-server's own, and start-up.
import type { InstalledModel } from "../../../models/manifest.ts";
import { ADAPTER, adapter, bun, DIRECT, direct, embedded, type Client, type Subject } from "./subjects.ts";
import { story } from "./prompts.ts";
import { atMost, inTurn, percentile, type Line } from "./report.ts";

const GOALS = [
  { share: 0.5, name: "p50", goal: 2 },
  { share: 0.99, name: "p99", goal: 8 },
];

export async function firstToken(client: Client, model: InstalledModel, context: number, times: number): Promise<Line[]> {
  const setup = { model, context, slots: 1 };
  const started = [await direct(setup), await adapter(setup), await embedded(bun(), setup)];
  const subjects = started.filter((subject) => subject !== undefined);
  const seen = new Map(subjects.map(({ name }) => [name, [] as number[]]));
  try {
    for (const subject of subjects) await once(client, subject, "warm");
    for (let i = 0; i < times; i++) {
      for (const subject of inTurn(subjects, i)) seen.get(subject.name)!.push(await once(client, subject, `${i}`));
    }
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
  }
  return GOALS.flatMap((goal) => lines(`${model.id}, first token, ${goal.name}`, seen, goal));
}

async function once(client: Client, { url, fresh }: Subject, nonce: string): Promise<number> {
  const [outcome] = await client.run({ url, bodies: [story(`${nonce}.`, 1, 1, fresh)] });
  return outcome!.first_ms;
}

function lines(what: string, seen: Map<string, number[]>, { share, goal }: (typeof GOALS)[number]): Line[] {
  const times = seen.get(DIRECT);
  const other = times && percentile(times, share);
  return [...seen].map(([name, ms]) => {
    const value = percentile(ms, share);
    if (other === undefined || name === DIRECT) return { what: `${what}: ${name}`, value: `${value.toFixed(2)} ms` };
    const against = `${DIRECT}: ${other.toFixed(2)}`;
    if (name === ADAPTER) return atMost(`${what}, added: ${name}`, value - other, "ms", { goal }, against);
    return { what: `${what}: ${name}`, value: `${value.toFixed(2)} ms`, against, ratio: value / other };
  });
}
