// Tokens a second of 1, 4 and 8 streams on 4 slots, and what a token takes of the processor beside the computation.
import type { InstalledModel } from "../../../models/manifest.ts";
import { mainThreadTime, processorTime } from "../../support/processes.ts";
import type { Client, Subject } from "./subjects.ts";
import { ADAPTER, adapter, DIRECT, direct, embedded, wantedRuntimes } from "./subjects.ts";
import { story } from "./prompts.ts";
import { atLeast, atMost, inTurn, median, type Line } from "./report.ts";

const STREAMS = [1, 4, 8];
const SLOTS = 4;
const EMBEDDED_GOALS = [
  { goal: 0.95, beyond: 1.05 },
  { goal: 1, beyond: 1.1 },
  { goal: 1, beyond: 1.1 },
];
const ADAPTER_GOAL = { goal: 0.98 };
export const TOKEN_COST = { goal: 60, beyond: 20 };

export interface DecodeOptions {
  model: InstalledModel;
  context: number;
  rounds: number;
  max_tokens: number;
}

interface Seen {
  subject: Subject;
  /** Tokens a second, by number of streams and round. */
  rates: number[][];
  tokens: number;
  /** Of the server. */
  cpu_ms: number;
  /** Of the main threads of the server and of its engine. */
  main_ms: number;
}

export async function decode(client: Client, { model, context, rounds, max_tokens }: DecodeOptions): Promise<Line[]> {
  const setup = { model, context, slots: SLOTS };
  const started = [await direct(setup), ...(await Promise.all(wantedRuntimes().map((runtime) => embedded(runtime, setup))))];
  const subjects = [...started, await adapter(setup)].filter((subject) => subject !== undefined);
  const seen = subjects.map((subject): Seen => ({ subject, rates: STREAMS.map(() => []), tokens: 0, cpu_ms: 0, main_ms: 0 }));
  try {
    for (const each of seen) await round(client, each, "warm", 1, 16);
    for (let r = 0; r < rounds; r++) {
      for (const [at, streams] of STREAMS.entries()) {
        for (const each of inTurn(seen, r)) each.rates[at]!.push(await round(client, each, `${r}`, streams, max_tokens));
      }
    }
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
  }
  return [...speeds(model.id, seen), ...costs(model.id, seen)];
}

async function round(client: Client, seen: Seen, nonce: string, streams: number, max_tokens: number): Promise<number> {
  const { url, pid, engine, fresh } = seen.subject;
  const mainTime = () => [pid, engine].reduce((sum, one) => sum + mainThreadTime(one), 0);
  const bodies = Array.from({ length: streams }, (_, seed) => story(`${nonce}/${streams}.`, seed, max_tokens, fresh));
  const before = { cpu: processorTime(pid), main: mainTime() };
  const outcomes = await client.run({ url, bodies });
  const tokens = outcomes.reduce((sum, outcome) => sum + outcome.tokens, 0);
  seen.cpu_ms += processorTime(pid) - before.cpu;
  seen.main_ms += mainTime() - before.main;
  seen.tokens += tokens;
  return (tokens / Math.max(...outcomes.map(({ ms }) => ms))) * 1000;
}

function speeds(model: string, seen: Seen[]): Line[] {
  const other = seen.find(({ subject }) => subject.name === DIRECT);
  return STREAMS.flatMap((streams, at) =>
    seen.map(({ subject: { name }, rates }): Line => {
      const what = `${model}, ${streams} stream${streams === 1 ? "" : "s"}: ${name}`;
      const rate = median(rates[at]!);
      if (other === undefined || name === DIRECT) return { what, value: `${rate.toFixed(1)} tokens/s` };
      const goal = name === ADAPTER ? ADAPTER_GOAL : EMBEDDED_GOALS[at];
      return atLeast(what, rate, [DIRECT, median(other.rates[at]!)], "tokens/s", goal);
    }),
  );
}

function costs(model: string, seen: Seen[]): Line[] {
  const own = seen.filter(({ subject }) => subject.name !== DIRECT);
  return own.flatMap(({ subject: { name }, cpu_ms, main_ms, tokens }) => {
    const server = atMost(`${model}, server's processor time a token: ${name}`, (cpu_ms / tokens) * 1000, "µs", TOKEN_COST);
    if (name === ADAPTER) return [server]; // The main thread of llama-server computes.
    const what = `${model}, processor time a token, main threads of server and engine: ${name}`;
    return [server, { what, value: `${((main_ms / tokens) * 1000).toFixed(1)} µs` }];
  });
}
