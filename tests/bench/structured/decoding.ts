// What a schema and logprobs cost an answer, over HTTP: the same prompt with and without, in turn, on each native engine.
import { realModel } from "../../support/real-model.ts";
import { streamed } from "../engines/prompts.ts";
import { atLeast, atMostTimes, inTurn, median, type Line } from "../engines/report.ts";
import { adapter, bun, type Client, embedded, type Subject } from "../engines/subjects.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MAX_TOKENS = Number(process.env.MAX_TOKENS ?? 128);
const STREAMS = [1, 4];
const SCHEMA_GOALS = [0.9, 0.85];
const LOGPROBS_GOAL = 1.15;

const person = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer", minimum: 0, maximum: 150 },
    job: { type: "string" },
    retired: { type: "boolean" },
    biography: { type: "string" },
  },
  required: ["name", "age", "job", "retired", "biography"],
  additionalProperties: false,
};
const schema = { type: "array", items: person, minItems: 20, maxItems: 40 };

const KINDS = {
  free: {},
  schema: { response_format: { type: "json_schema", json_schema: { name: "people", schema, strict: true } } },
  logprobs: { logprobs: true, top_logprobs: 5 },
};
type Kind = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Kind[];

/** Tokens a second, by number of streams and kind. */
type Rates = Record<Kind, number[]>[];

export async function decoding(client: Client): Promise<Line[]> {
  const setup = { model: await realModel(), context: 1_024, slots: Math.max(...STREAMS) };
  const subjects = [await embedded(bun(), setup), await adapter(setup)].filter((subject) => subject !== undefined);
  const all = subjects.map(() => STREAMS.map((): Rates[number] => ({ free: [], schema: [], logprobs: [] })));
  try {
    for (const subject of subjects) for (const kind of NAMES) await rateOf(client, subject, kind, 1, "warm");
    for (let round = 0; round < ROUNDS; round++) {
      for (const [s, subject] of subjects.entries()) {
        for (const [at, streams] of STREAMS.entries()) {
          for (const kind of inTurn(NAMES, round)) {
            all[s]![at]![kind].push(await rateOf(client, subject, kind, streams, `${round}`));
          }
        }
      }
    }
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
  }
  return subjects.flatMap(({ name }, s) => linesOf(name, all[s]!));
}

async function rateOf(client: Client, { url }: Subject, kind: Kind, streams: number, nonce: string): Promise<number> {
  const bodies = Array.from({ length: streams }, (_, seed) => {
    const content = `${nonce}/${seed} Describe twenty people as JSON: name, age, job, whether they are retired, and a long biography.`;
    return streamed([{ role: "user", content }], MAX_TOKENS, { seed, ...KINDS[kind] });
  });
  const outcomes = await client.run({ url, bodies });
  const tokens = outcomes.reduce((sum, outcome) => sum + outcome.tokens, 0);
  return (tokens / Math.max(...outcomes.map(({ ms }) => ms))) * 1000;
}

function linesOf(name: string, rates: Rates): Line[] {
  return rates.flatMap(({ free, schema: bound, logprobs }, at) => {
    const what = `${name}, ${STREAMS[at]} stream${STREAMS[at] === 1 ? "" : "s"}`;
    const ms = (found: number[]): number => 1_000 / median(found);
    return [
      atLeast(`${what}: schema`, median(bound), ["free", median(free)], "tokens/s", { goal: SCHEMA_GOALS[at]! }),
      atMostTimes(`${what}: logprobs`, ms(logprobs), ["without", ms(free)], "ms a token", LOGPROBS_GOAL),
    ];
  });
}
