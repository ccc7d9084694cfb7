// What ends an answer from the server's side: its limit of time, a full context, a model that is stopped, a server that ends.
import { frameReader } from "../../support/frames.ts";
import { eventually } from "../../support/server.ts";
import { goesOn, isAtRest, slotsAreFree } from "./aftermath.ts";
import { isAlive } from "../../support/processes.ts";
import { type AnswerServer, PATIENCE_MS } from "./answer-server.ts";
import { type Answer, answersOf, readPieces, wrongOfBreak, wrongOfEndOrBreak, wrongOfRefusal } from "./answers.ts";
import { type AnswerKind, KINDS } from "./kinds.ts";

/** On a server whose limit of time is shorter than any of the answers. */
export async function reachTimeLimit(server: AnswerServer, kind: AnswerKind): Promise<string[]> {
  const limit = { status: 504, code: "request_timeout", retry: false };
  const wrong = await wrongOfRefusal(await server.ask(kind, { stream: false }), limit);
  const streamed = await server.ask(kind, { stream: true });
  // Its first piece may come too late.
  const broken = streamed.ok ? wrongOfBreak(frameReader(streamed), limit.code) : wrongOfRefusal(streamed, limit);
  wrong.push(...(await broken));
  await slotsAreFree(server);
  // On a machine that is busy with others, the short one may reach the limit too: then it is asked for again.
  await eventually("the next request is answered", async () => (await goesOn(server, kind)).length === 0, PATIENCE_MS);
  return [...wrong, ...(await isAtRest(server))];
}

/** On a server whose slots hold less than any of the answers. */
export async function fillContext(server: AnswerServer, kind: AnswerKind): Promise<string[]> {
  const wrong: string[] = [];
  for (const stream of [false, true]) {
    const answers = await answersOf(await server.ask(kind, { stream }));
    if (answers.length !== (kind.fields["n"] ?? 1)) wrong.push(`There are ${answers.length} answers.`);
    wrong.push(...answers.flatMap((answer) => wrongOfFull(answer, kind)));
  }
  return [...wrong, ...(await goesOn(server, kind))];
}

function wrongOfFull({ finish_reason, broken, content, calls, reasoning }: Answer, { piece, fields }: AnswerKind): string[] {
  const wrong: string[] = [];
  if (finish_reason !== "length") wrong.push(`It ends with "${finish_reason}".`);
  if (broken !== undefined) wrong.push(`It is judged: ${JSON.stringify(broken)}.`);
  const begun = { content, reasoning_content: reasoning, tool_calls: calls[0]?.arguments ?? "" }[piece];
  if (begun === "") wrong.push("It has not begun.");
  if (piece !== "tool_calls" && calls.length > 0) wrong.push("It calls tools.");
  if ((piece === "tool_calls" || "response_format" in fields) && isJson(begun)) wrong.push(`It passes for whole: ${begun}`);
  return wrong;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Its model is stopped: the answer goes on to its end on the old engine, and the next request has a new one. */
export async function stopModel(server: AnswerServer, kind: AnswerKind): Promise<string[]> {
  const answered = await server.ask(kind, { stream: true, max_tokens: 60 });
  const stopped = fetch(`${server.url}/v1/models/${kind.model}/stop`, { method: "POST" });
  const answers = await answersOf(answered);
  const { status } = await stopped;
  const reasons = new Set(answers.map(({ finish_reason }) => finish_reason));
  const wrong =
    status === 200 && reasons.size === 1 && reasons.has("length") ? [] : [`Stopped ${status}, ended ${[...reasons].join()}.`];
  return [...wrong, ...(await goesOn(server, kind))];
}

/** Ends before the grace does, unless the machine is slow: then it is cut like the others. Its model has slots of its own. */
const SHORT: AnswerKind = {
  name: "short thoughts",
  model: "thinking",
  fields: { ignore_eos: true, max_tokens: 40 },
  piece: "reasoning_content",
};

/** The server is told to end: answers that its grace does not suffice for are cut with an error, others are whole, and nothing of it is left. */
export async function endServer(server: AnswerServer): Promise<string[]> {
  const long = KINDS.filter(({ model, fields }) => model === "plain" && fields["n"] === undefined);
  const open = async (kind: AnswerKind) => readPieces(await server.ask(kind, { stream: true, ignore_eos: true }), kind, 1);
  const readers = await Promise.all([...long, SHORT].map(open));
  const engines = server.children();
  const ended = server.stop("SIGTERM");
  const wrong = (await Promise.all(readers.map((reader) => wrongOfEndOrBreak(reader, "engine_unavailable")))).flat();
  const end = await ended;
  if (end !== 0) wrong.push(`The server ended with ${end}.`);
  return [...wrong, ...engines.filter(isAlive).map((pid) => `Its engine ${pid} is left.`)];
}
