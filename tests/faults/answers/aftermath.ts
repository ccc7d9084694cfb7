// What has to hold once an answer was interrupted: its slots are free, its engine is at rest, and the next request is answered.
import { eventually } from "../../support/server.ts";
import { type AnswerServer, PATIENCE_MS, SLOTS } from "./answer-server.ts";
import type { AnswerKind } from "./kinds.ts";

/** An engine at rest uses next to nothing of a processor; one that generates uses all it gets. */
const REST_MS = 400;
const RESTING_SHARE = 0.1;

/** The next request is answered, on all slots. */
export async function goesOn(server: AnswerServer, { model }: Pick<AnswerKind, "model">): Promise<string[]> {
  const next = await server.ask({ model, fields: { max_tokens: 2, n: SLOTS } });
  const { choices, error } = (await next.json()) as { choices?: object[]; error?: object };
  if (next.status === 200 && choices?.length === SLOTS) return [];
  return [`The next request is answered ${next.status} ${JSON.stringify(error)}.`];
}

export async function slotsAreFree(server: AnswerServer): Promise<void> {
  await eventually("the slots are free", async () => (await server.metric("ingle_slots_busy")) === 0, PATIENCE_MS, 20);
}

export async function isAtRest(server: AnswerServer): Promise<string[]> {
  const used = server.engineTime();
  await new Promise((done) => setTimeout(done, REST_MS));
  const share = (server.engineTime() - used) / REST_MS;
  return share > RESTING_SHARE ? [`Its engine goes on: it uses ${Math.round(share * 100)} % of a processor.`] : [];
}
