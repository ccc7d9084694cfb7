// Reads the errors of servers with OpenAI's API, which come in several forms.

export interface ServerErrorBody {
  message: string;
  type?: string | undefined;
  code?: string | number | undefined;
  /** The whole error, with the fields that only some servers have. */
  error: Record<string, unknown>;
}

const MAX_MESSAGE = 500;
const MAX_BODY = 64 * 1024;

/** `{error: {message}}`, `{error: "…"}`, or vLLM's older `{object: "error", message}`; undefined for what is no error. */
export function parseErrorBody(value: unknown): ServerErrorBody | undefined {
  if (!isObject(value)) return undefined;
  const error = value.object === "error" ? value : value.error;
  if (typeof error === "string") return { message: error.slice(0, MAX_MESSAGE), error: {} };
  if (!isObject(error)) return undefined;
  const { message, type, code } = error;
  return {
    message: typeof message === "string" ? message.slice(0, MAX_MESSAGE) : "It does not say why.",
    ...(typeof type === "string" && { type }),
    ...((typeof code === "string" || typeof code === "number") && { code }),
    error,
  };
}

/** Reads the body of a response with an error status, and no more of it than an error can be long. */
export async function readErrorBody({ body }: { body: AsyncIterable<Uint8Array> | null }): Promise<ServerErrorBody> {
  const text = body === null ? "" : await readText(body, MAX_BODY);
  try {
    const error = parseErrorBody(JSON.parse(text));
    if (error !== undefined) return error;
  } catch {
    // The page of a proxy, for example.
  }
  return { message: text.replaceAll(/\s+/g, " ").slice(0, 100).trim() || "It does not say why.", error: {} };
}

/** Stops reading once it has more than `max` characters. */
export async function readText(body: AsyncIterable<Uint8Array>, max: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > max) break;
  }
  return text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
