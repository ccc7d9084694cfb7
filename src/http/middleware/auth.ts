// Check 3: the API key.
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import type { AppEnv, Guard } from "../app-env.ts";
import type { AuthFailures } from "../auth-failures.ts";
import { ApiError } from "../errors.ts";
import { isOpenPage } from "../open-pages.ts";

const KEY = /^[A-Za-z0-9._~+/-]+=*$/;
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** Throws one sentence, which does not quote the key, when it is shorter than 16 characters or holds one that a header may not carry. */
export function checkKey(key: string): void {
  if (key.length < 16) throw new Error(`The API key has ${key.length} characters. Choose one of at least 16.`);
  if (!KEY.test(key))
    throw new Error("The API key holds a character that is not allowed. Use A-Z a-z 0-9 . _ ~ + / - and, at the end, =.");
}

/**
 * Asks for one of `keys`, or for the `operator`'s, in any of the headers that `sentKeys` reads, but for `/health`, open pages and what
 * hands out the operator's own; without `keys` everyone passes. Throws 401 `invalid_api_key`, and at once what `checkKey` throws.
 */
export function authGuard(keys: string[], operator?: string, failures?: AuthFailures): Guard {
  keys.forEach(checkKey);
  const digests = (operator === undefined ? keys : [...keys, operator]).map(digestOf);
  return function authGuard(c) {
    if (keys.length === 0 || OPEN.has(c.req.path) || isOpenPage(c)) return undefined;
    for (const key of sentKeys(c)) {
      const index = indexOfMatch(digests, key);
      if (index === -1) continue;
      c.set("api_key", key);
      c.set("key_number", index < keys.length ? index + 1 : "owner");
      return undefined;
    }
    return refuseKey(c, failures);
  };
}

/**
 * Lets through only requests with the operator's key, which a command gets that can write to the data folder: not everybody who may
 * use the API may make the server read its disk. Throws 401 `invalid_api_key`.
 */
export function operatorGuard(operator: string, failures?: AuthFailures): MiddlewareHandler<AppEnv> {
  return function operatorGuard(c, next) {
    if (!isOperator(c, operator)) return refuseKey(c, failures);
    return next();
  };
}

/** Whether the request carries the operator's key; without such a key none does. */
export function isOperator(c: Context, operator: string | undefined): boolean {
  const sent = sentKeys(c);
  if (operator === undefined || sent.length === 0) return false;
  const own = [digestOf(operator)];
  return sent.some((key) => indexOfMatch(own, key) === 0);
}

const OPEN = new Set(["/health", "/health/", "/v1/data-folder/key"]);

/** The key that let the request in; where none is asked for, the first that was sent, empty for none. */
export function sentKey(c: Context<AppEnv>): string {
  return c.get("api_key") ?? sentKeys(c)[0] ?? "";
}

/**
 * The keys that were sent: SDKs of OpenAI, Anthropic and Azure have a header each, and some send a placeholder in one beside the key in
 * another. A repeated header arrives joined by a comma, which matches no key.
 */
function sentKeys(c: Context): string[] {
  const bearer = BEARER.exec(c.req.header("authorization") ?? "")?.[1];
  return [bearer, c.req.header("x-api-key"), c.req.header("api-key")].filter(
    (key) => key !== undefined && key !== "",
  ) as string[];
}

export function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** -1 where none matches. Compares equal lengths, and with all keys always: the time taken says nothing about any key. */
function indexOfMatch(digests: Buffer[], key: string): number {
  const sent = digestOf(key);
  return digests.reduce((found, own, index) => (timingSafeEqual(own, sent) ? index : found), -1);
}

async function refuseKey(c: Context<AppEnv>, failures?: AuthFailures): Promise<never> {
  await failures?.refused(c);
  throw new ApiError(401, 'The API key is missing or wrong. Send it as "Authorization: Bearer <key>".', {
    code: "invalid_api_key",
    headers: { "www-authenticate": "Bearer" },
  });
}
