// GET /models: whether a server is there, takes the key and speaks this API, and how many tokens the model's context holds there.
import * as v from "valibot";
import { BrokenAnswer } from "../shared/openai-stream/answer-events.ts";
import { readErrorBody, readText } from "../shared/openai-stream/error-body.ts";
import { failureOfError, ServerFailure, statusFailure } from "./errors.ts";
import { sendRequest } from "./http-request.ts";
import type { PoolServer } from "./server-pool.ts";
import type { UpstreamConfig } from "./upstream-config.ts";

const Tokens = v.fallback(v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))), undefined);

const ListedModel = v.object({
  id: v.string(),
  /** llama-server's further names of it. */
  aliases: v.fallback(v.optional(v.array(v.string()), []), []),
  /** What a slot holds: as ingle and LM Studio name it, as vLLM does, and below as llama-server does. */
  loaded_context_length: Tokens,
  max_model_len: Tokens,
  /** Of ingle it is what the model was trained on, of others what they hold. */
  context_length: Tokens,
  meta: v.fallback(v.optional(v.object({ n_ctx: Tokens })), undefined),
});

const ModelList = v.object({ data: v.array(ListedModel) });

/** In characters. */
const MAX_LIST = 4 * 1024 * 1024;

/** The context length there in tokens, where the server says it. Throws `ServerFailure` and the signal's reason. */
export async function fetchContextLength(
  { key, timeouts, proxies, targetOf }: UpstreamConfig,
  server: PoolServer,
  signal: AbortSignal,
): Promise<number | undefined> {
  const target = targetOf(server);
  // Nothing is computed for this answer.
  const quick = { ...timeouts, first_ms: timeouts.connect_ms, amid_ms: timeouts.connect_ms };
  const response = await sendRequest({ url: `${server.url}/models`, key, timeouts: quick, proxies, signal });
  try {
    if (response.status !== 200) {
      throw statusFailure(target, response.status, response.headers, await readErrorBody(response));
    }
    const models = parseModelList(await readText(response.body, MAX_LIST));
    const named = models.find(({ id, aliases }) => id === target.model || aliases.includes(target.model));
    // A server with one model alone runs it under any name.
    const { loaded_context_length, max_model_len, context_length, meta } = named ?? (models.length === 1 ? models[0]! : {});
    return loaded_context_length ?? max_model_len ?? meta?.n_ctx ?? context_length;
  } catch (error) {
    signal.throwIfAborted();
    throw failureOfError(target, error);
  } finally {
    response.close();
  }
}

function parseModelList(text: string): v.InferOutput<typeof ListedModel>[] {
  try {
    return v.parse(ModelList, JSON.parse(text)).data;
  } catch {
    throw new BrokenAnswer(
      "GET /models is not a list of models: is the address that of its API, most often with /v1 at its end?",
    );
  }
}

/** The failure of a load for which no server is there: that of the first, and how many more. */
export function noServerFailure(failures: ServerFailure[]): ServerFailure {
  const [first, ...others] = failures;
  const servers = others.length === 1 ? "server is" : "servers are";
  const more = others.length === 0 ? "" : ` ${others.length} more ${servers} not there either.`;
  const code = first?.code ?? "engine_unavailable";
  const { public_message } = first ?? {};
  const lasting = failures.every((failure) => failure.lasting);
  return new ServerFailure("declined", code, `${first?.message}${more}`, {
    retry_after: 5,
    public_message,
    lasting,
    cause: first,
  });
}
