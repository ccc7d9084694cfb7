// A table of an endpoint's parameters: for each a value that asks for something, with which the table is made by trying it, and tested by
// sending it.
import type { Adapter } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import type { KnownParameter, ParameterList } from "../../../src/api/generation/parameters/known.ts";
import type { JsonObject } from "../../../src/support/json.ts";

export interface ParameterTable {
  /** Of its section in docs/api.md. */
  heading: string;
  /** The file of the list. */
  source: string;
  list: ParameterList;
  /** By parameter: the fields that are sent for it, where one field will not do or the value must be a certain one. */
  examples: Readonly<Record<string, JsonObject>>;
  /** What every request has. */
  needed: JsonObject;
  /** The parameter that bounds an answer; `max_tokens` where absent. */
  bound?: string;
  /**
   * What becomes of a request before its model is loaded: the paths that are passed over, and the fields that another server gets as they are. Throws
   * `ApiError`.
   */
  try(fields: JsonObject, model: Model, adapter: Adapter): Promise<{ ignored: readonly string[]; handed_on: readonly string[] }>;
}

/** For parameters without an example: whichever of these asks for something. */
const ANY = [0.5, 5, "x", ["x"], { a: 1 }, true, false];

/** The fields of a request that asks for what the parameter is for. */
export function exampleOf({ list, examples }: Pick<ParameterTable, "list" | "examples">, name: string): JsonObject {
  const known = examples[name];
  if (known !== undefined) return known;
  const { nothing } = list.get(name) as KnownParameter;
  const value = ANY.find((one) => !nothing.includes(one, { [name]: one }));
  const [field, inner] = name.startsWith("stream_options.") ? name.split(".") : [name];
  return inner === undefined ? { [name]: value } : { stream: true, [field!]: { [inner]: value } };
}

/** Whether a path is the parameter's, or within it. */
export const isOf = (name: string, path: string): boolean =>
  path === name || (path.startsWith(name) && /^[.[/#]/.test(path.slice(name.length)));
