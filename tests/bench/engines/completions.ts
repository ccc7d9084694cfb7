// Completions beside chats of the same tokens: the prompt of the one is what the chat template makes of the other.
import type { InstalledModel } from "../../../models/manifest.ts";
import { story } from "./prompts.ts";
import { atLeast, inTurn, median, type Line } from "./report.ts";
import { adapter, bun, embedded, type Client, type Subject } from "./subjects.ts";

const STREAMS = [1, 4];
const GOAL = 0.98;
const KINDS = ["chat", "completions"] as const;
type Kind = (typeof KINDS)[number];

export interface CompletionsSetup {
  model: InstalledModel;
  context: number;
  rounds: number;
  max_tokens: number;
}

/** Tokens a second, by number of streams. */
type KindRates = Record<Kind, number[]>[];

export async function completions(client: Client, { rounds, max_tokens, ...setup }: CompletionsSetup): Promise<Line[]> {
  const sizes = { ...setup, slots: Math.max(...STREAMS) };
  const subjects = [await embedded(bun(), sizes), await adapter(sizes)].filter((subject) => subject !== undefined);
  const rates = subjects.map((): KindRates => STREAMS.map(() => ({ chat: [], completions: [] })));
  try {
    for (const subject of subjects) for (const kind of KINDS) await rateOf(client, subject, kind, 1, "warm", max_tokens);
    for (let round = 0; round < rounds; round++)
      for (const [s, subject] of subjects.entries())
        for (const [at, streams] of STREAMS.entries())
          for (const kind of inTurn([...KINDS], round))
            rates[s]![at]![kind].push(await rateOf(client, subject, kind, streams, `${round}`, max_tokens));
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
  }
  return subjects.flatMap(({ name }, s) =>
    rates[s]!.map(({ chat, completions }, at) => {
      const what = `completions, ${name}, ${STREAMS[at]} stream${STREAMS[at] === 1 ? "" : "s"}`;
      return atLeast(what, median(completions), ["chat", median(chat)], "tokens/s", { goal: GOAL });
    }),
  );
}

async function rateOf(
  client: Client,
  { url }: Subject,
  kind: Kind,
  streams: number,
  nonce: string,
  max_tokens: number,
): Promise<number> {
  const chats = Array.from({ length: streams }, (_, seed) => story(`${nonce}/${kind}`, seed, max_tokens, { ignore_eos: true }));
  const bodies = kind === "chat" ? chats : await Promise.all(chats.map((chat) => asCompletion(url, chat)));
  const outcomes = await client.run({ url, bodies, ...(kind === "completions" && { path: "/v1/completions" }) });
  const tokens = outcomes.reduce((sum, outcome) => sum + outcome.tokens, 0);
  return (tokens / Math.max(...outcomes.map(({ ms }) => ms))) * 1000;
}

async function asCompletion(url: string, chat: object): Promise<object> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(chat) };
  const { prompt } = (await (await fetch(`${url}/v1/apply-template`, init)).json()) as { prompt: string };
  const { messages: _, ...sampling } = chat as { messages: object[] };
  return { ...sampling, prompt };
}
