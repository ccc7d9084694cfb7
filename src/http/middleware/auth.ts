// Check 3.
import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "../errors.ts";
import type { Asked, Check } from "./check.ts";

const KEY = /^[A-Za-z0-9._~+/-]+=*$/;
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** Throws one sentence, without the key, when it is shorter than 16 characters or holds one that a header may not carry. */
export function checkKey(key: string): void {
  if (key.length < 16) throw new Error(`The API key has ${key.length} characters. Choose one of at least 16.`);
  if (!KEY.test(key))
    throw new Error("The API key holds a character that is not allowed. Use A-Z a-z 0-9 . _ ~ + / - and, at the end, =.");
}

/**
 * Asks for one of `keys`, or for the `operator`'s, in `Authorization: Bearer` or `X-Api-Key`, but for `/health` and what hands out
 * the operator's own; without `keys` everyone passes. Throws 401 `invalid_api_key`, and at once what `checkKey` throws.
 */
export function key(keys: string[], operator?: string): Check {
  keys.forEach(checkKey);
  const digests = (operator === undefined ? keys : [...keys, operator]).map(digest);
  return (c) => {
    if (keys.length > 0 && !isOpen(c) && !isOneOf(digests, given(c))) throw refused();
  };
}

/**
 * Lets through only who has the operator's key, which only a command that can write to the data folder gets: not everybody who may
 * use the API may make the server read its disk. Throws 401 `invalid_api_key`.
 */
export function operatorOnly(operator: string): Check {
  return (c) => {
    if (!isOperator(c, operator)) throw refused();
  };
}

export function isOperator(c: Asked, operator: string): boolean {
  return isOneOf([digest(operator)], given(c));
}

/** The same where there may be no such key; then nobody is. */
export function isOwner(c: Asked, operator: string | undefined): boolean {
  return operator !== undefined && isOperator(c, operator);
}

const OPEN = new Set(["/health", "/health/", "/v1/data-folder/nonce", "/v1/data-folder/key"]);

function isOpen(c: Asked): boolean {
  return OPEN.has(c.req.path);
}

/** The key that was sent, empty for none. A repeated header arrives joined by a comma, which neither pattern takes. */
export function given(c: Asked): string {
  const authorization = c.req.header("authorization");
  return authorization === undefined ? (c.req.header("x-api-key") ?? "") : (BEARER.exec(authorization)?.[1] ?? "");
}

export function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Equal lengths and all keys always: how long it takes says nothing about any key. */
function isOneOf(digests: Buffer[], text: string): boolean {
  const sent = digest(text);
  return digests.reduce((found, own) => timingSafeEqual(own, sent) || found, false);
}

function refused(): ApiError {
  return new ApiError(401, 'The API key is missing or wrong. Send it as "Authorization: Bearer <key>".', {
    code: "invalid_api_key",
    headers: { "www-authenticate": "Bearer" },
  });
}
