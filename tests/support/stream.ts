// A streamed chat answer, read to its end.
import { EventSourceParserStream } from "eventsource-parser/stream";

export interface Streamed {
  text: string;
  finish_reason: string | null;
  /** What an error event held. */
  error: { message: string; code: string } | null;
  /** It ended with `[DONE]`. */
  done: boolean;
}

/** `onText` is called with each piece. A connection that breaks is the end of the answer, not an error. */
export async function streamed(res: Response, onText: (piece: string) => unknown = () => {}): Promise<Streamed> {
  if (!res.ok) throw new Error(`${res.status} ${await res.text()}`);
  const answer: Streamed = { text: "", finish_reason: null, error: null, done: false };
  const events = res.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = events.getReader();
  for (;;) {
    const next = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (next.done || next.value === undefined) return answer;
    if (next.value.data === "[DONE]") {
      answer.done = true;
      continue;
    }
    const { choices = [], error = null } = JSON.parse(next.value.data);
    answer.error ??= error;
    answer.finish_reason = choices[0]?.finish_reason ?? answer.finish_reason;
    const piece = choices[0]?.delta.content ?? "";
    answer.text += piece;
    if (piece !== "") await onText(piece);
  }
}
