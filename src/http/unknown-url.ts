// The 404 of a path that no route has: what it was meant for, and where that is.
import { ApiError } from "./errors.ts";
import { quote } from "../support/quote.ts";

/** APIs that clients know and ingle lacks, by their paths; those that it gets later are found by the router before. */
const LACKED: [path: RegExp, what: string, instead?: string][] = [
  [/^\/v1\/images\b/, "OpenAI's API for making pictures"],
  [/^\/v1\/(audio|realtime)\b/, "OpenAI's API for speech"],
  [/^\/v1\/videos\b/, "OpenAI's API for videos"],
  [/^\/v1\/(moderations|responses|conversations)\b/, "this API of OpenAI", "POST /v1/chat/completions answers chats."],
  [/^\/v1\/(files|uploads|batches|fine_tuning|vector_stores|evals|containers)\b/, "OpenAI's API for files and jobs"],
  [/^\/v1\/threads\/.*runs\b/, "OpenAI's API for runs", "POST /v1/chat/completions answers chats."],
  [/^\/v1\/(messages|complete)\b/, "Anthropic's API", "POST /v1/chat/completions answers chats."],
  [/^\/v1\/rerank\b/, "an API for that"],
  [/^\/api\/v[01]\b/, "LM Studio's own API", "OpenAI's is at /v1."],
  [
    /^\/api\/(generate|chat|embed|embeddings|tags|show|create|copy|delete|pull|push|ps|version|blobs)\b/,
    "Ollama's API",
    "OpenAI's is at /v1: POST /v1/chat/completions answers chats.",
  ],
  [/^\/(completions?|infill|props|slots|lora-adapters)\b/, "llama-server's own API", "OpenAI's is at /v1."],
];

/** `isKnown`: whether a route has the path. `host`: by which the client called. */
export function unknownUrl(path: string, host: string, isKnown: (path: string) => boolean): ApiError {
  const nothing = `There is nothing at ${quote(path)}.`;
  const meant = intendedPath(path, isKnown);
  const text =
    meant === undefined
      ? `${nothing} ${lackOf(path)}`
      : `${nothing} The base URL is http://${host}/v1, so that this is ${quote(meant)}.`;
  return new ApiError(404, text, { code: "unknown_url" });
}

function lackOf(path: string): string {
  const [, what, instead = ""] = LACKED.find(([pattern]) => pattern.test(path)) ?? [];
  const list = "GET /v1 lists the endpoints, /docs describes them.";
  return what === undefined ? list : `ingle does not have ${what}. ${instead} ${list}`.replace("  ", " ");
}

/** The path that a client with another base URL has meant: without `/v1`, with it twice, or behind a prefix of another server. */
function intendedPath(path: string, isKnown: (path: string) => boolean): string | undefined {
  const plain = path.replaceAll(/\/{2,}/g, "/");
  const behind = plain.replace(/^.*\/v1\//, "").replace(/^\//, "");
  return [plain, `/v1/${behind}`].find((candidate) => candidate !== path && isKnown(candidate));
}
