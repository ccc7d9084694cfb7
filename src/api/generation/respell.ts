// Parameters that other APIs have by other names and in other forms, as OpenAI's, and what errors and headers call them then.
import * as v from "valibot";
import { ApiError, invalidValue, toApiError } from "../../http/errors.ts";
import { validateWith } from "../../http/validate.ts";
import { isHollow, isObject, type JsonObject } from "../../support/json.ts";
import { anyObject, object, withExample } from "../objects.ts";

export interface RespelledRequest {
  request: JsonObject;
  /** The path of a field as the client has written it. */
  clientPath: (path: string) => string;
  /** Calls were asked for as OpenAI had them before there were tools. */
  legacy_calls: boolean;
}

interface Respelling {
  to: string;
  value: unknown;
  /** Where the client's value stands within that field, behind its name; empty for the whole. */
  inner?: string;
  /** What the client's value is called, where that is not the whole parameter. */
  as?: string;
  /** The rest of that field is the client's, too. */
  in_place?: boolean;
}

/** By the client's name; undefined where the value asks for nothing. */
const RESPELLINGS: Record<string, (value: unknown, name: string) => Respelling | undefined> = {
  n_cmpl: (value) => ({ to: "n", value }),
  num_return_sequences: (value) => ({ to: "n", value }),
  functions: (value) => ({ to: "tools", value: Array.isArray(value) ? value.map(toTool) : value }),
  function_call: (value) => ({ to: "tool_choice", value: legacyChoice(value) }),
  response_format: flatFormat,
  json_schema: (value) => schemaFormat(value),
  guided_json: (value, name) => schemaFormat(parsedJson(value, name)),
  format: (value) => (value === "json" ? JSON_OBJECT : schemaFormat(value)),
  guided_json_object: (value) => (value === false ? undefined : JSON_OBJECT),
  guided_regex: (value) => patternFormat("regex", value),
  regex: (value) => patternFormat("regex", value),
  guided_choice: (value) => patternFormat("choice", value),
  structured_outputs: (value, name) => (typeof value === "boolean" ? undefined : structuredOutputs(value, name)),
};

const JSON_OBJECT: Respelling = { to: "response_format", value: { type: "json_object" } };

/** `left`: names that stay as they are. Throws 400 where two names of one parameter say different things. */
export function respell(request: JsonObject, left: ReadonlySet<string> = new Set()): RespelledRequest {
  const respelled = Object.entries(request).filter(([name, value]) => !left.has(name) && isRespelled(name, value));
  if (respelled.length === 0) return { request, clientPath: (path) => path, legacy_calls: false };
  const names = new Set(respelled.map(([name]) => name));
  const all: JsonObject = Object.fromEntries(Object.entries(request).filter(([name]) => !names.has(name)));
  const paths = new Map<string, string>();
  for (const [name, value] of respelled) {
    const spelling = asksNothing(name, value) ? undefined : RESPELLINGS[name]!(value, name);
    if (spelling === undefined) continue;
    const { to, inner = "", as = name, in_place = false } = spelling;
    if (asksForSomething(all[to]) && all[to] !== spelling.value) throw bothGiven(as, paths.get(to) ?? to);
    all[to] = spelling.value;
    paths.set(to + inner, as);
    if (!paths.has(to) && !in_place) paths.set(to, as);
  }
  const legacy_calls = paths.get("tools") === "functions";
  // The old form has no place for a second call.
  if (legacy_calls) all.parallel_tool_calls = false;
  return { request: all, clientPath: (path) => clientPath(path, paths), legacy_calls };
}

function isRespelled(name: string, value: unknown): boolean {
  return Object.hasOwn(RESPELLINGS, name) && (name !== "response_format" || isFlatFormat(value));
}

/** Parameters that are lists: to the others an empty one is a value of a wrong kind. */
const LISTS = new Set(["functions", "guided_choice"]);

/** llama.cpp takes an empty schema for JSON of any kind, and the others for none. */
function asksNothing(name: string, value: unknown): boolean {
  if (value == null) return true;
  if (name === "json_schema" || name === "response_format" || (Array.isArray(value) && !LISTS.has(name))) return false;
  return value === "" || isHollow(value);
}

/** The error of a request, with its fields named as the client has written them. */
export function inClientsWords(thrown: unknown, { clientPath }: Pick<RespelledRequest, "clientPath">): unknown {
  const error = toApiError(thrown);
  const { status, code, param, headers, owner_message, lasting, context } = error;
  if (param === null) return thrown;
  const message = error.message.replace(/"([^"]{1,200})"/g, (_, path: string) => `"${clientPath(path)}"`);
  const more = { headers, owner_message, lasting, context, cause: thrown };
  return new ApiError(status, message, { ...more, code, param: clientPath(param) });
}

function clientPath(path: string, paths: Map<string, string>): string {
  // The longest first: what is written there is the client's own value.
  const ours = [...paths.keys()].toSorted((a, b) => b.length - a.length).find((each) => isWithin(path, each));
  if (ours === undefined) return path;
  const name = paths.get(ours)!;
  const rest = path.slice(ours.length);
  if (name === "functions") return name + rest.replace(/^(\[\d+\])\.function\b/, "$1");
  if (name === "function_call") return name + rest.replace(/^\.function\b/, "");
  // The rest is of our own form.
  return rest !== "" && ours === "response_format" ? name : name + rest;
}

function isWithin(path: string, field: string): boolean {
  return path === field || (path.startsWith(field) && !/^\w/.test(path.slice(field.length)));
}

function asksForSomething(value: unknown): boolean {
  return value !== "" && !isHollow(value) && !(isObject(value) && value.type === "text");
}

function bothGiven(name: string, other: string): Error {
  return invalidValue(`"${name}" and "${other}" say different things. Send one of them.`, name);
}

/** The schema beside the type, as llama.cpp's documents and OpenAI's Responses have it. */
function isFlatFormat(value: unknown): value is JsonObject {
  if (!isObject(value) || value.schema == null) return false;
  return value.type === "json_object" || (value.type === "json_schema" && value.json_schema == null);
}

function flatFormat(value: unknown): Respelling {
  const { name = "schema", description, schema, strict, ...rest } = value as JsonObject;
  const json_schema = { name, description, schema, strict };
  const format = { ...rest, type: "json_schema", json_schema };
  return { to: "response_format", value: format, inner: ".json_schema", as: "response_format", in_place: true };
}

const LegacyChoice = object({
  function_call: v.union([v.picklist(["none", "auto"]), withExample(anyObject, { name: "get_weather" })]),
});

function legacyChoice(value: unknown): unknown {
  const { function_call } = validateWith(LegacyChoice, { function_call: value });
  return isObject(function_call) ? toTool(function_call) : function_call;
}

const toTool = (called: unknown): object => ({ type: "function", function: called });

function schemaFormat(schema: unknown): Respelling {
  const value = { type: "json_schema", json_schema: { name: "schema", schema } };
  return { to: "response_format", value, inner: ".json_schema.schema" };
}

function patternFormat(type: "regex" | "choice", pattern: unknown): Respelling {
  return { to: "response_format", value: { type, [type]: pattern }, inner: `.${type}` };
}

/** vLLM takes a schema as its JSON text too. */
function parsedJson(value: unknown, name: string): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    throw invalidValue(`"${name}" is no JSON. Send the schema as an object.`, name);
  }
}

/** vLLM's: one of its fields says what the answer looks like. */
function structuredOutputs(value: unknown, name: string): Respelling | undefined {
  if (!isObject(value)) throw invalidValue(`"${name}" must be an object.`, name, "invalid_type");
  const asking = Object.entries(value).filter(([, field]) => field !== false && field !== "" && !isHollow(field));
  const [first, second] = asking;
  if (first === undefined) return undefined;
  const [field, inner] = first;
  const as = `${name}.${field}`;
  if (second !== undefined) throw bothGiven(`${name}.${second[0]}`, as);
  if (field === "json") return { ...schemaFormat(parsedJson(inner, as)), as };
  if (field === "json_object") return { ...JSON_OBJECT, as };
  if (field === "regex" || field === "choice") return { ...patternFormat(field, inner), as };
  throw invalidValue(`"${as}" cannot be honoured by any engine here. Leave it out.`, as, "unsupported_parameter");
}
