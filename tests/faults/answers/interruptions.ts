// What interrupts an answer: its engine is killed, or its client leaves. Each answers with what is not as it has to be.
import { eventually } from "../../support/server.ts";
import { goesOn, isAtRest, slotsAreFree } from "./aftermath.ts";
import { type AnswerServer, MODELS, PATIENCE_MS } from "./answer-server.ts";
import { readPieces, wrongOfBreak, wrongOfRefusal } from "./answers.ts";
import { type AnswerKind, KINDS } from "./kinds.ts";

export type Interruption = (server: AnswerServer, kind: AnswerKind) => Promise<string[]>;

export const INTERRUPTIONS: Readonly<Record<string, Interruption>> = {
  "engine killed, streamed": killStreamed,
  "engine killed, not streamed": killWhole,
  "client left at the first piece": (server, kind) => leaveStreamed(server, kind, 1),
  "client left at the twelfth piece": (server, kind) => leaveStreamed(server, kind, 12),
  "client left, not streamed": leaveWhole,
};

const CRASH = { status: 502, code: "engine_crashed", retry: true };

async function killStreamed(server: AnswerServer, kind: AnswerKind): Promise<string[]> {
  await forgetDeaths(server);
  const reader = await readPieces(await server.ask(kind, { stream: true }), kind, 3);
  killEngines(server);
  return [...(await wrongOfBreak(reader, CRASH.code)), ...(await goesOn(server, kind))];
}

async function killWhole(server: AnswerServer, kind: AnswerKind): Promise<string[]> {
  await forgetDeaths(server);
  const { response } = await askedWhole(server, kind);
  killEngines(server);
  return [...(await wrongOfRefusal(await response, CRASH)), ...(await goesOn(server, kind))];
}

/** Several clients on one engine, each with an answer of its own kind: each gets one error, and all their next requests are answered. */
export async function killAmidCrowd(server: AnswerServer): Promise<string[]> {
  await forgetDeaths(server);
  // Four choices take what slots are free: they come last.
  const crowd = KINDS.filter(({ model, fields }) => model === "plain" && fields["n"] === undefined);
  const open = async (kind: AnswerKind) => readPieces(await server.ask(kind, { stream: true }), kind, 2);
  const readers = await Promise.all(crowd.map(open));
  killEngines(server);
  const broken = await Promise.all(readers.map((reader) => wrongOfBreak(reader, CRASH.code)));
  const next = await Promise.all(crowd.map((kind) => goesOn(server, kind)));
  return [...broken, ...next].flat();
}

async function leaveStreamed(server: AnswerServer, kind: AnswerKind, pieces: number): Promise<string[]> {
  const client = new AbortController();
  const before = await deaths(server);
  await readPieces(await server.ask(kind, { stream: true }, client.signal), kind, pieces);
  client.abort();
  return wrongOfLeaving(server, kind, before);
}

async function leaveWhole(server: AnswerServer, kind: AnswerKind): Promise<string[]> {
  const client = new AbortController();
  const before = await deaths(server);
  const { response } = await askedWhole(server, kind, client.signal);
  client.abort();
  await response.catch(() => {});
  return wrongOfLeaving(server, kind, before);
}

async function wrongOfLeaving(server: AnswerServer, kind: AnswerKind, deaths_before: number): Promise<string[]> {
  await slotsAreFree(server);
  const wrong = [...(await goesOn(server, kind)), ...(await isAtRest(server))];
  return (await deaths(server)) === deaths_before ? wrong : [...wrong, "Its engine had to be ended."];
}

/** A request for one JSON, once its answer has begun. */
async function askedWhole(
  server: AnswerServer,
  kind: AnswerKind,
  signal?: AbortSignal,
): Promise<{ response: Promise<Response> }> {
  const begun = () => server.metric("ingle_time_to_first_token_seconds_count");
  const before = await begun();
  const response = server.ask(kind, { stream: false }, signal);
  response.catch(() => {});
  await eventually("the answer has begun", async () => (await begun()) > before, PATIENCE_MS, 10);
  return { response };
}

const deaths = (server: AnswerServer): Promise<number> => server.metric("ingle_engine_deaths_total");

/** Else a model whose engines die again and again is not tried for longer and longer. */
async function forgetDeaths({ url }: AnswerServer): Promise<void> {
  for (const model of MODELS) await fetch(`${url}/v1/models/${model}/stop`, { method: "POST" });
}

function killEngines(server: AnswerServer): void {
  for (const pid of server.children()) process.kill(pid, "SIGKILL");
}
