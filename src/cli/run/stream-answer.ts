// One answer of the API, shown piece by piece as it comes.
import { standardOutput } from "../../server/standard-streams.ts";
import { readEvents, type Api } from "../api.ts";
import { unwritable } from "../print.ts";
import { createAnswerView, showWaiting } from "./answer-view.ts";

interface StreamedChunk {
  choices: { delta: { content?: string; reasoning_content?: string }; finish_reason?: string | null }[];
  usage?: AnswerUsage | null;
}

/** In tokens. */
interface AnswerUsage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number };
}

/** Fields of a request for a chat. */
export type AnswerRequest = { model: string; messages: readonly object[]; [field: string]: unknown };

export interface StreamedAnswer {
  text: string;
  reasoning: string;
  /** It ended at the most tokens that it could have. */
  cut: boolean;
  /** Undefined for one that was stopped. */
  usage?: AnswerUsage;
  /** From the question to the first piece, and from there to the end; in ms. */
  first_ms: number;
  rest_ms: number;
}

/**
 * Resolves with the answer, up to where it ended or `signal` stopped it. `quiet`: it is not shown. Throws `CliError`, also where standard
 * output is lost: the rest of the answer would be generated for nothing.
 */
export async function streamAnswer(
  api: Api,
  request: AnswerRequest,
  { signal, quiet = false }: { signal: AbortSignal; quiet?: boolean },
): Promise<StreamedAnswer> {
  const answer: StreamedAnswer = { text: "", reasoning: "", cut: false, first_ms: 0, rest_ms: 0 };
  const lost = new AbortController();
  const write = (text: string): void => standardOutput.write(text, (cause) => cause && lost.abort(unwritable(cause)));
  const view = quiet ? undefined : createAnswerView(write);
  const begun = performance.now();
  const waiting = showWaiting(`Waiting for ${request.model}`);
  const onPiece = (): void => {
    if (answer.text === "" && answer.reasoning === "") answer.first_ms = performance.now() - begun;
    waiting.end();
  };
  try {
    const body = { ...request, stream: true, stream_options: { include_usage: true } };
    const stop = AbortSignal.any([signal, lost.signal]);
    const response = await api.request("/v1/chat/completions", { method: "POST", body, signal: stop });
    for await (const { choices, usage } of readEvents<StreamedChunk>(response)) {
      const { delta, finish_reason } = choices[0] ?? { delta: {} };
      if (delta.reasoning_content || delta.content) onPiece();
      if (delta.reasoning_content) view?.think(delta.reasoning_content);
      if (delta.content) view?.say(delta.content);
      answer.reasoning += delta.reasoning_content ?? "";
      answer.text += delta.content ?? "";
      answer.cut ||= finish_reason === "length";
      if (usage) answer.usage = usage;
    }
  } catch (error) {
    if (!signal.aborted && !lost.signal.aborted) throw error;
  } finally {
    waiting.end();
    view?.end();
  }
  answer.rest_ms = performance.now() - begun - answer.first_ms;
  if (!quiet) write("\n");
  lost.signal.throwIfAborted();
  return answer;
}

/** Tokens a second once the first has come; undefined where they were not counted, or are too few to say. */
export function rateOf({ usage, rest_ms }: StreamedAnswer): number | undefined {
  return usage === undefined || usage.completion_tokens < 2 || rest_ms <= 0
    ? undefined
    : (1000 * (usage.completion_tokens - 1)) / rest_ms;
}
