// GET /models: whether a server is there, takes the key and speaks this API, and how much the model holds there.
import * as v from "valibot";
import { BrokenAnswer } from "../shared/openai-stream/answer-events.ts";
import { readText, readErrorBody } from "../shared/openai-stream/error-body.ts";
import { type Asked, failureOf, refusalOf, ServerFailure } from "./errors.ts";
import { ask, type Limits } from "./http-request.ts";

const Tokens = v.fallback(v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))), undefined);

const Listed = v.object({
  id: v.string(),
  /** llama-server's further names of it. */
  aliases: v.fallback(v.optional(v.array(v.string()), []), []),
  /** vLLM's, then ingle's, then llama-server's word for the tokens that prompt and answer may have together. */
  max_model_len: Tokens,
  context_length: Tokens,
  meta: v.fallback(v.optional(v.object({ n_ctx: Tokens })), undefined),
});

const List = v.object({ data: v.array(Listed) });

const LONGEST_LIST = 4 * 1024 * 1024;

/** Answers with the tokens that a conversation may have there, as far as the server says. Throws `ServerFailure` and the signal's reason. */
export async function contextThere(
  asked: Asked,
  url: string,
  key: string | undefined,
  limits: Limits,
  signal: AbortSignal,
): Promise<number | undefined> {
  // Nothing is computed for this answer.
  const quick = { ...limits, first_ms: limits.connect_ms, amid_ms: limits.connect_ms };
  const answer = await ask({ url: `${url}/models`, key, limits: quick, signal });
  try {
    if (answer.status !== 200) throw refusalOf(asked, answer.status, answer.headers, await readErrorBody(answer));
    const models = listIn(await readText(answer.body, LONGEST_LIST));
    const named = models.find(({ id, aliases }) => id === asked.model || aliases.includes(asked.model));
    // Who runs one model alone runs it under any name.
    const { max_model_len, context_length, meta } = named ?? (models.length === 1 ? models[0]! : {});
    return max_model_len ?? context_length ?? meta?.n_ctx;
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(asked, error);
  } finally {
    answer.close();
  }
}

function listIn(text: string): v.InferOutput<typeof Listed>[] {
  try {
    return v.parse(List, JSON.parse(text)).data;
  } catch {
    throw new BrokenAnswer("GET /models is no list of models: is the address that of its API, most often with /v1 at its end?");
  }
}

/** Of a load for which no server is there: all of them at once. */
export function nobody(failures: ServerFailure[], retry_after: number): ServerFailure {
  const [first, ...others] = failures;
  const more =
    others.length === 0 ? "" : ` ${others.length} more ${others.length === 1 ? "server is" : "servers are"} not there either.`;
  const code = first?.code ?? "engine_unavailable";
  return new ServerFailure("declined", code, `${first?.message}${more}`, { retry_after, cause: first });
}
