// What servers with OpenAI's API say when they fail: each in a form of its own.

export interface ServerErrorBody {
  message: string;
  type?: string | undefined;
  code?: string | number | undefined;
  /** The whole error, for what else a server says in it. */
  error: Record<string, unknown>;
}

const LONGEST_MESSAGE = 500;
const LONGEST_BODY = 64 * 1024;

/** `{error: {message}}`, `{error: "…"}`, or vLLM's older `{object: "error", message}`; undefined for what is no error. */
export function parseErrorBody(value: unknown): ServerErrorBody | undefined {
  if (!isObject(value)) return undefined;
  const error = value.object === "error" ? value : value.error;
  if (typeof error === "string") return { message: error.slice(0, LONGEST_MESSAGE), error: {} };
  if (!isObject(error)) return undefined;
  const { message, type, code } = error;
  return {
    message: typeof message === "string" ? message.slice(0, LONGEST_MESSAGE) : "It does not say why.",
    ...(typeof type === "string" && { type }),
    ...((typeof code === "string" || typeof code === "number") && { code }),
    error,
  };
}

/** Of an answer with an error status: reads no more of it than an error can be long. */
export async function readErrorBody({ body }: { body: AsyncIterable<Uint8Array> | null }): Promise<ServerErrorBody> {
  const text = body === null ? "" : await readText(body, LONGEST_BODY);
  try {
    const told = parseErrorBody(JSON.parse(text));
    if (told !== undefined) return told;
  } catch {
    // A proxy's page, say.
  }
  return { message: text.replaceAll(/\s+/g, " ").slice(0, 100).trim() || "It does not say why.", error: {} };
}

/** Stops once it has more than `longest` characters. */
export async function readText(body: AsyncIterable<Uint8Array>, longest: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > longest) break;
  }
  return text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
