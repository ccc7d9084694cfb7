// Parses a request's body or query into one typed value, or throws a 400 that says what is wrong with which field.
import type { Context } from "hono";
import type { AppEnv } from "./app-env.ts";
import * as v from "valibot";
import { ApiError } from "./errors.ts";
import { formatPath } from "../support/field-path.ts";
import { quote } from "../support/quote.ts";
import { readJson } from "./body.ts";
import { CODED } from "../support/coded-message.ts";

type Schema = v.GenericSchema<unknown, unknown>;
type Issue = v.BaseIssue<unknown>;

/** An answer names one issue, and a body can hold 100,000: valibot stops at the first. */
const FIRST = { abortEarly: true } as const;

/**
 * The body as `schema` types it. With `optional` an empty body stands for `{}`.
 * Throws what `readJson` throws, and 400 with `param` and one of the codes of `toBadRequest`.
 */
export async function parseBody<S extends Schema>(
  c: Context<AppEnv>,
  schema: S,
  { optional = false } = {},
): Promise<v.InferOutput<S>> {
  const value = await readJson(c);
  if (value === undefined) {
    if (!optional) throw new ApiError(400, "The body is empty. Send a JSON object.", { code: "invalid_json" });
    return validateWith(schema, {});
  }
  // valibot takes an array for an object.
  if (Array.isArray(value)) throw new ApiError(400, "The body is an array. It must be an object.", { code: "invalid_type" });
  return validateWith(schema, value);
}

/** The query string as `schema` types it: the first value of each parameter, as text. Throws 400, never `invalid_type`. */
export function parseQuery<S extends Schema>(c: Context, schema: S): v.InferOutput<S> {
  const result = v.safeParse(schema, c.req.query(), FIRST);
  if (result.success) return result.output;
  const { message, param, code } = toBadRequest(result.issues);
  throw new ApiError(400, message, { param, code: code === "invalid_type" ? "invalid_value" : code });
}

/**
 * The first issue as a 400: `missing_required_parameter` (absent), `invalid_type` (wrong JSON type, a fraction for an integer),
 * `too_many_items` (array too long), `invalid_value` (the rest), or the code of a `codedMessage`. `param` is a path such as
 * `messages[0].role`, null for the body itself.
 */
export function toBadRequest([first]: readonly [Issue, ...Issue[]]): ApiError {
  const { issue, path } = innermostIssue(first);
  const param = path.length === 0 ? null : formatPath(path);
  const own = CODED.exec(issue.message);
  if (own) return new ApiError(400, issue.message.slice(own[0].length), { param, code: own[1]! });
  const name = param === null ? "The body" : `"${param}"`;
  return new ApiError(400, describeIssue(name, issue), { param, code: errorCodeOf(issue) });
}

/** The value as `schema` types it. Throws what `toBadRequest` makes of the first issue. */
export function validateWith<S extends Schema>(schema: S, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value, FIRST);
  if (!result.success) throw toBadRequest(result.issues);
  return result.output;
}

/** The issue of the union member whose outer type fits, which says more than "none of them"; its path continues the union's. */
function innermostIssue(issue: Issue): { issue: Issue; path: unknown[] } {
  const path = (issue.path ?? []).map(({ key }) => key);
  const closer = CODED.test(issue.message)
    ? undefined
    : issue.issues?.find(({ path, kind }) => path !== undefined || kind === "validation");
  if (!closer) return { issue, path };
  const inner = innermostIssue(closer);
  return { issue: inner.issue, path: [...path, ...inner.path] };
}

function errorCodeOf({ kind, type, input, expected }: Issue): string {
  if (input === undefined) return "missing_required_parameter";
  if (kind === "transformation") return "invalid_type";
  if (kind === "schema")
    return splitAlternatives(expected).some((one) => isLiteralOf(one, input)) ? "invalid_value" : "invalid_type";
  if (type === "integer" || type === "safe_integer") return Number.isInteger(input) ? "invalid_value" : "invalid_type";
  return type === "max_length" && Array.isArray(input) ? "too_many_items" : "invalid_value";
}

function describeIssue(name: string, { type, input, expected, requirement, path }: Issue): string {
  if (input === undefined) return `${name} is missing. Add it to the request.`;
  const unit = Array.isArray(input) ? "items" : "characters";
  const length = Array.isArray(input) || typeof input === "string" ? input.length : 0;
  if (type === "max_length") return `${name} has ${length} ${unit}. At most ${requirement} are allowed.`;
  if (type === "min_length" || type === "non_empty")
    return `${name} has ${length} ${unit}. At least ${requirement ?? 1} is needed.`;
  // The issue holds NaN as its input, the path what was sent.
  if (type === "to_number") return `${name} is ${describeValue(path?.at(-1)?.value)}. It must be a number.`;
  if (type === "safe_integer" && Number.isInteger(input))
    return `${name} is ${describeValue(input)}. It must be from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}.`;
  return `${name} is ${describeValue(input)}. ${describeExpected(type, expected, requirement)}`;
}

function describeExpected(type: string, expected: string | null, requirement: unknown): string {
  if (type === "min_value") return `It must be at least ${requirement}.`;
  if (type === "max_value") return `It must be at most ${requirement}.`;
  if (type === "max_bytes") return `It may have ${requirement} bytes at most.`;
  if (type === "integer" || type === "safe_integer") return "It must be a whole number.";
  return expected === null
    ? "That is not allowed."
    : `It must be ${joinWords(splitAlternatives(expected).map((one) => one.replace(TYPE, (type) => WORDS[type] ?? type)))}.`;
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : quote(value);
}

/** Splits what valibot expected, such as `("asc" | "desc")` or `(string | Array)`. */
function splitAlternatives(expected: string | null): string[] {
  return (expected ?? "").replace(/[()]/g, "").split(" | ");
}

/** Whether the literal has the type of the input: then the type is right and the value wrong. */
function isLiteralOf(literal: string, input: unknown): boolean {
  if (typeof input === "string") return literal.startsWith('"');
  if (typeof input === "number") return /^-?\d/.test(literal);
  return typeof input === "boolean" && (literal === "true" || literal === "false");
}

/** What valibot calls a type, before an example of it. */
const TYPE = /^\w+/;

const WORDS: Record<string, string> = {
  string: "a string",
  number: "a number",
  boolean: "true or false",
  Array: "an array",
  Object: "an object",
};

function joinWords(words: string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
