// Sends a request whose answer is a stream of events.
import { BrokenAnswer, FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody } from "../shared/openai-stream/error-body.ts";
import type { AnswerWatchOptions } from "./watched-answer.ts";

/** The bytes of the answer. Throws `FailedAnswer`, `BrokenAnswer` and what the connection throws. */
export async function openAnswer(
  { client, watchdog }: Pick<AnswerWatchOptions, "client" | "watchdog">,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const response = await client.post(path, body, signal);
  watchdog.touch();
  if (response.statusCode !== 200) throw new FailedAnswer(await readErrorBody({ body: response }), response.statusCode);
  if (!response.headers["content-type"]?.startsWith("text/event-stream"))
    throw new BrokenAnswer("The answer is not a stream of events.");
  return response;
}
