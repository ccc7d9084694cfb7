// Bytes of a request -> one JSON value, within bounds that keep a hostile body cheap.
import { Buffer } from "node:buffer";
import type { Context } from "hono";
import type { AppEnv, BodyLimits } from "./app-env.ts";
import { ApiError } from "./errors.ts";
import { parseJsonInPieces } from "./json-pieces.ts";
import { checkShape } from "./json-shape.ts";
import { formatPath } from "../support/field-path.ts";
import type { JsonObject } from "../support/json.ts";
import { waitUpTo } from "../support/wait-up-to.ts";

/**
 * The body as `JSON.parse` reads it, or undefined when there is none, within the limits that `bodyLimitGuard` sets. Throws 413
 * `request_too_large`, 408 `request_timeout`, 400 `invalid_encoding`, `invalid_json`, and what `checkShape` throws; `invalid_value` for a
 * number that the parser takes for infinite.
 */
export async function readJson(c: Context<AppEnv>): Promise<unknown> {
  const limits = c.get("body_limits");
  const bytes = await readBytes(c.req.raw, limits);
  if (bytes.length === 0) return undefined;
  const text = decodeUtf8(bytes);
  const may_be_huge = await checkShape(text, limits.max_values);
  const value = await parseJson(text);
  if (may_be_huge) refuseInfinite(value);
  return value;
}

/** The refusal closes the connection: what is left of the body would be read for nothing. */
export function bodyTooLarge({ max_bytes, option }: BodyLimits): ApiError {
  const more = option === undefined ? "" : `, or have the server started with a larger ${option}`;
  return new ApiError(413, `The body is larger than ${max_bytes} bytes. Send less${more}.`, {
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

async function parseJson(text: string): Promise<unknown> {
  try {
    return await parseJsonInPieces(text);
  } catch {
    // The parser's own message differs on each runtime and quotes the body at length.
    throw new ApiError(400, "The body is not valid JSON. Check its quotes, commas and brackets.", { code: "invalid_json" });
  }
}

/** Throws for the first infinite number in a value: JSON knows none, so it would be stored and passed on as null. */
function refuseInfinite(value: unknown): void {
  const path = findInfinite(value);
  if (path === undefined) return;
  const param = formatPath(path);
  const message = `"${param}" is a number too large for 64 bits. Send a smaller one, or a string.`;
  throw new ApiError(400, message, { param, code: "invalid_value" });
}

/** The keys that lead to it; undefined where there is none. */
function findInfinite(value: unknown): (string | number)[] | undefined {
  if (value === Infinity || value === -Infinity) return [];
  if (typeof value !== "object" || value === null) return undefined;
  for (const key in value) {
    const path = findInfinite((value as JsonObject)[key]);
    if (path !== undefined) return [Array.isArray(value) ? Number(key) : key, ...path];
  }
  return undefined;
}
