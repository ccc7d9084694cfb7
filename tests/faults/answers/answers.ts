// Answers as a client reads them, streamed or not: all choices, and how a stream goes on and ends.
import { frameReader, framesOf } from "../../support/frames.ts";
import type { AnswerKind } from "./kinds.ts";

/** What a client has of one choice. */
export interface Answer {
  content: string;
  reasoning: string;
  calls: { name: string; arguments: string }[];
  finish_reason: string;
  /** Of all choices; 0 where the answer is streamed. */
  tokens: number;
  /** `x_ingle_schema`, of all choices. */
  broken: unknown;
}

/** Throws where it is no answer, or not a whole one. */
export async function answersOf(response: Response): Promise<Answer[]> {
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  const is_stream = response.headers.get("content-type")?.startsWith("text/event-stream");
  return is_stream ? streamedAnswers(response) : wholeAnswers(response);
}

async function wholeAnswers(response: Response): Promise<Answer[]> {
  const { choices, usage, x_ingle_schema: broken } = (await response.json()) as any;
  return choices.map(({ message, finish_reason }: any) => ({
    ...{ content: message.content ?? "", reasoning: message.reasoning_content ?? "", finish_reason, broken },
    calls: (message.tool_calls ?? []).map((call: any) => call.function),
    tokens: usage.completion_tokens,
  }));
}

async function streamedAnswers(response: Response): Promise<Answer[]> {
  const { data, done } = await framesOf(response);
  if (!done) throw new Error(`The stream ends with ${JSON.stringify(data.at(-1))}.`);
  const answers: Answer[] = [];
  for (const { choices, x_ingle_schema } of data) {
    for (const { index, delta, finish_reason } of choices) {
      const answer = (answers[index] ??= {
        ...{ content: "", reasoning: "", calls: [], finish_reason: "" },
        tokens: 0,
        broken: undefined,
      });
      answer.content += delta.content ?? "";
      answer.reasoning += delta.reasoning_content ?? "";
      for (const { index: at, function: piece } of delta.tool_calls ?? []) {
        const call = (answer.calls[at] ??= { name: "", arguments: "" });
        call.name += piece.name ?? "";
        call.arguments += piece.arguments ?? "";
      }
      answer.finish_reason = finish_reason ?? answer.finish_reason;
      answer.broken ??= x_ingle_schema;
    }
  }
  return answers;
}

type Reader = ReturnType<typeof frameReader>;

/** Reads a stream until so many pieces of its kind have come; throws where it ends before. */
export async function readPieces(response: Response, { piece }: Pick<AnswerKind, "piece">, count: number): Promise<Reader> {
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  const reader = frameReader(response);
  for (let seen = 0; seen < count;) {
    const frame = await reader.next();
    if (frame === undefined || frame === "[DONE]" || frame.error !== undefined)
      throw new Error(`Only ${seen} pieces of "${piece}" came before ${JSON.stringify(frame)}.`);
    const value = frame.choices?.[0]?.delta?.[piece];
    if (value !== undefined && value !== "") seen++;
  }
  return reader;
}

/** What is not as it has to be of the rest of a stream that breaks: one error with that code as its last event, and nothing that passes for an end. */
export async function wrongOfBreak(reader: Reader, code: string): Promise<string[]> {
  return wrongOfBroken(await restOf(reader), code);
}

/** The same of a stream that may as well come to its own end before anything breaks it. */
export async function wrongOfEndOrBreak(reader: Reader, code: string): Promise<string[]> {
  const frames = await restOf(reader);
  return frames.at(-1) === "[DONE]" ? wrongOfWhole(frames) : wrongOfBroken(frames, code);
}

async function restOf(reader: Reader): Promise<any[]> {
  const frames: any[] = [];
  for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) frames.push(frame);
  return frames;
}

const errorsOf = (frames: any[]): any[] => frames.flatMap(({ error }) => error ?? []);
const endsOf = (frames: any[]): any[] =>
  frames.flatMap(({ choices = [] }) => choices).filter(({ finish_reason }) => finish_reason !== null);

function wrongOfBroken(frames: any[], code: string): string[] {
  const errors = errorsOf(frames);
  const wrong: string[] = [];
  if (errors.length !== 1 || errors[0].code !== code) wrong.push(`Its errors are ${JSON.stringify(errors)}.`);
  if (frames.at(-1)?.error === undefined) wrong.push(`It ends with ${JSON.stringify(frames.at(-1))}.`);
  if (endsOf(frames).length > 0) wrong.push("It passes for finished.");
  return wrong;
}

/** Of a stream of one choice. */
function wrongOfWhole(frames: any[]): string[] {
  const errors = errorsOf(frames);
  const wrong: string[] = [];
  if (errors.length > 0) wrong.push(`It passes for whole, with ${JSON.stringify(errors)}.`);
  if (endsOf(frames).length !== 1) wrong.push(`It finishes ${endsOf(frames).length} times.`);
  return wrong;
}

/** The same of an answer that is not streamed. `retry`: whether its client may ask again. */
export async function wrongOfRefusal(
  response: Response,
  expected: { status: number; code: string; retry: boolean },
): Promise<string[]> {
  const { error } = (await response.json()) as { error?: { code: string } };
  const retry = response.headers.get("x-should-retry") !== "false";
  const is_right = response.status === expected.status && error?.code === expected.code && retry === expected.retry;
  return is_right ? [] : [`It is answered ${response.status} ${error?.code}, to be asked again: ${retry}.`];
}
