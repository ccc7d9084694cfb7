// One answer of the API, written piece by piece as it comes.
import { standardError, standardOutput } from "../../server/standard-streams.ts";
import { readEvents, type Api } from "../api.ts";
import { unwritable } from "../print.ts";

interface StreamedChunk {
  choices: { delta: { content?: string; reasoning_content?: string }; finish_reason?: string | null }[];
}

export interface StreamedAnswer {
  text: string;
  /** It ended at the most tokens that it could have. */
  cut: boolean;
}

/**
 * Resolves with the answer, up to where it ended or `signal` stopped it. Throws `CliError`, also where standard output is lost: the rest of
 * the answer would be generated for nothing.
 */
export async function streamAnswer(api: Api, request: object, signal: AbortSignal): Promise<StreamedAnswer> {
  const answer: StreamedAnswer = { text: "", cut: false };
  const lost = new AbortController();
  const show = (piece: string): void => standardOutput.write(piece, (cause) => cause && lost.abort(unwritable(cause)));
  const thoughts = createThoughts(show);
  try {
    const body = { ...request, stream: true };
    const stop = AbortSignal.any([signal, lost.signal]);
    const response = await api.request("/v1/chat/completions", { method: "POST", body, signal: stop });
    for await (const { choices } of readEvents<StreamedChunk>(response)) {
      const { delta, finish_reason } = choices[0] ?? { delta: {} };
      if (delta.reasoning_content) thoughts.add(delta.reasoning_content);
      if (delta.content) {
        thoughts.end();
        show(delta.content);
        answer.text += delta.content;
      }
      answer.cut ||= finish_reason === "length";
    }
  } catch (error) {
    if (!signal.aborted && !lost.signal.aborted) throw error;
  } finally {
    thoughts.end();
  }
  show("\n");
  lost.signal.throwIfAborted();
  return answer;
}

const [DIM, PLAIN] = ["\x1b[2m", "\x1b[22m"];

/**
 * The thoughts of a model, apart from its answer: before it and dim on a terminal; else on standard error, so that what is piped on is the
 * answer alone.
 */
function createThoughts(show: (piece: string) => void) {
  const on_terminal = standardOutput.isTTY;
  const write = on_terminal ? show : (piece: string): void => standardError.write(piece);
  let begun = false;
  return {
    add(piece: string): void {
      if (!begun) write(on_terminal ? `${DIM}Thinking: ` : "Thinking: ");
      begun = true;
      write(piece);
    },
    /** The answer begins, or nothing more comes. */
    end(): void {
      if (begun) write(on_terminal ? `${PLAIN}\n\n` : "\n");
      begun = false;
    },
  };
}
