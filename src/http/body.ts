// Bytes of a request -> one JSON value, within bounds that keep a hostile body cheap.
import { Buffer } from "node:buffer";
import type { Context } from "hono";
import type { AppEnv, BodyLimits } from "./app-env.ts";
import { ApiError } from "./errors.ts";
import { waitUpTo } from "../support/wait-up-to.ts";

const MAX_DEPTH = 64;
/** Properties of one object: OpenAI's widest one, `logit_bias`, stays far below. */
const MAX_PROPERTIES = 10_000;
/** Characters of a property's name. */
const MAX_NAME = 1024;
const TOO_DEEP = `The body is nested deeper than ${MAX_DEPTH} levels. Flatten it.`;
const TOO_WIDE = `An object of the body has more than ${MAX_PROPERTIES} properties, or a name longer than ${MAX_NAME} characters. Send less.`;

/**
 * The body as `JSON.parse` reads it, or undefined when there is none, within the limits that `bodyLimitGuard` sets. Throws 413
 * `request_too_large`, 408 `request_timeout`, 400 `invalid_encoding`, `invalid_json`, `too_deep`, `too_many_properties`.
 */
export async function readJson(c: Context<AppEnv>): Promise<unknown> {
  const bytes = await readBytes(c.req.raw, c.get("body_limits"));
  if (bytes.length === 0) return undefined;
  const text = decodeUtf8(bytes);
  checkShape(text);
  return parseJson(text);
}

/** The refusal closes the connection: what is left of the body would be read for nothing. */
export function bodyTooLarge({ max_bytes }: BodyLimits): ApiError {
  return new ApiError(413, `The body is larger than ${max_bytes} bytes. Send less.`, {
    code: "request_too_large",
    headers: { connection: "close" },
  });
}

async function readBytes(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  if (request.bodyUsed)
    throw new ApiError(400, "The body of the request was read before it came here. Hand on a clone of it, made before.", {
      code: "invalid_json",
    });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(bodyTooSlow(limits.timeout_ms)), limits.timeout_ms);
  try {
    return await (isDeclaredSmall(request, limits) ? readAtOnce : readInPieces)(request, limits, late);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(400, "The connection ended before the body did. Send it whole.", { code: "invalid_json", cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** A runtime passes no more bytes than the client declared, so a small declared body needs no count while it is read. */
function isDeclaredSmall({ headers }: Request, { max_bytes }: BodyLimits): boolean {
  const declared = headers.get("content-length");
  return declared !== null && Number(declared) <= max_bytes;
}

async function readAtOnce(request: Request, limits: BodyLimits, late: Promise<never>): Promise<Uint8Array> {
  const bytes = new Uint8Array(await Promise.race([request.arrayBuffer(), late]));
  if (bytes.length > limits.max_bytes) throw bodyTooLarge(limits);
  return bytes;
}

async function readInPieces({ body }: Request, limits: BodyLimits, late: Promise<never>): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const read = () => Promise.race([reader.read(), late]);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (let piece = await read(); !piece.done; piece = await read()) {
      length += piece.value.length;
      if (length > limits.max_bytes) {
        await discard(read);
        throw bodyTooLarge(limits);
      }
      chunks.push(piece.value);
    }
    return Buffer.concat(chunks, length);
  } finally {
    // The reader is released, not cancelled: on Node a cancel would destroy the socket, and the refusal with it.
    reader.releaseLock();
  }
}

const DISCARD_BYTES = 64 * 2 ** 20;
const DISCARD_MS = 5_000;
// A client that sends nothing for this long waits for the answer already.
const SILENCE_MS = 500;

/**
 * Reads what is left of a refused body, within bounds: many clients read the answer only after they have sent everything, and take a
 * connection that closes before that for a broken one. Never throws.
 */
export async function discard(read: () => Promise<{ done: boolean; value?: Uint8Array | undefined }>): Promise<void> {
  const until = performance.now() + DISCARD_MS;
  let length = 0;
  try {
    while (length < DISCARD_BYTES && performance.now() < until) {
      const piece = await waitUpTo(read(), SILENCE_MS);
      if (piece?.value === undefined) return;
      length += piece.value.length;
    }
  } catch {
    // The connection broke off: nothing is left to be read.
  }
}

function bodyTooSlow(ms: number): ApiError {
  return new ApiError(408, `The body did not arrive within ${ms / 1000} s. Send it faster.`, {
    code: "request_timeout",
    headers: { connection: "close" },
  });
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes); // drops a leading BOM
  } catch {
    throw new ApiError(400, "The body is not valid UTF-8. Encode it as UTF-8.", { code: "invalid_encoding" });
  }
}

/** Bounds depth and width before the parser runs: one pass over brackets, colons and string ends, without recursion. */
function checkShape(text: string): void {
  const properties: number[] = [];
  let name = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 34 /* " */) {
      const end = stringEnd(text, at);
      name = end - at - 1;
      at = end;
    } else if (char === 123 /* { */ || char === 91 /* [ */) {
      if (properties.push(0) > MAX_DEPTH) throw new ApiError(400, TOO_DEEP, { code: "too_deep" });
    } else if (char === 125 /* } */ || char === 93 /* ] */) {
      properties.pop();
    } else if (char === 58 /* : */ && properties.length > 0) {
      const count = ++properties[properties.length - 1]!;
      if (count > MAX_PROPERTIES || name > MAX_NAME) throw new ApiError(400, TOO_WIDE, { code: "too_many_properties" });
    }
  }
}

/** Index of the quote that ends the string which begins at `from`; the text's length when none does. */
function stringEnd(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slash = end - 1;
    while (text.charCodeAt(slash) === 92 /* \ */) slash--;
    if ((end - slash) % 2 === 1) return end;
  }
  return text.length;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message differs on each runtime and quotes the body at length.
    throw new ApiError(400, "The body is not valid JSON. Check its quotes, commas and brackets.", { code: "invalid_json" });
  }
}
