// Sorts the parameters of a request by what becomes of them: none is dropped in silence.
import type { Capability } from "../../../../adapters/adapter.ts";
import type { Model } from "../../../../models/manifest.ts";
import { invalidValue } from "../../../http/errors.ts";
import { isObject, type JsonObject } from "../../../support/json.ts";
import type { KnownParameter, ParameterList } from "./known.ts";

export interface SortedParameters {
  /** Those that the engine honours by a capability. */
  honoured: JsonObject;
  /** Those of the model's thoughts and its chat template. */
  switches: JsonObject;
  /** Those that bind nothing and ask for something. */
  hints: JsonObject;
  /** Names that no API here knows. */
  unknown: string[];
}

/** `list`: of the endpoint. Leaves out what asks for nothing, and what its own schema reads. Throws 400 `unsupported_parameter` for what nobody here can honour. */
export function sortParameters(
  list: ParameterList,
  request: JsonObject,
  { parameters }: Model,
  capabilities: readonly Capability[],
): SortedParameters {
  const sorted: SortedParameters = { honoured: {}, switches: {}, hints: {}, unknown: [] };
  const given = Object.entries(request).filter(([, value]) => value != null);
  const all = { ...parameters, ...Object.fromEntries(given) };
  for (const [name, value] of [...given, ...optionsOf(request)]) {
    const known = list.get(name);
    if (known === undefined) sorted.unknown.push(name);
    else sortParameter(sorted, [name, value], known, { all, capabilities });
  }
  return sorted;
}

/** The names of those that are passed over, where no engine honours any by a capability. Throws as `sortParameters`. */
export function droppedParameters(...sent: Parameters<typeof sortParameters>): string[] {
  const { hints, unknown } = sortParameters(...sent);
  return [...Object.keys(hints), ...unknown];
}

function sortParameter(
  sorted: SortedParameters,
  [name, value]: [string, unknown],
  { nothing, treatment }: KnownParameter,
  { all, capabilities }: { all: JsonObject; capabilities: readonly Capability[] },
): void {
  if (treatment.type === "mapped" || (treatment.type === "honoured" && treatment.needs === undefined)) return;
  const asks_nothing = nothing.includes(value, all);
  if (asks_nothing && nothing.withheld) return;
  if (treatment.type === "honoured" && capabilities.includes(treatment.needs!)) sorted.honoured[name] = value;
  else if (asks_nothing) return;
  else if (treatment.type === "switch" || treatment.type === "thoughts") sorted.switches[name] = value;
  else if (treatment.type === "passed over") sorted.hints[name] = value;
  else throw refused(name, treatment.type === "honoured");
}

/** The fields of `stream_options`, by their paths. */
function optionsOf({ stream_options }: JsonObject): [string, unknown][] {
  if (!isObject(stream_options)) return [];
  return Object.entries(stream_options).flatMap(([name, value]) => (value == null ? [] : [[`stream_options.${name}`, value]]));
}

/** What does the same, where there is something. */
const INSTEAD: Record<string, string> = {
  ...{ ebnf: 'Send it in GBNF, as "grammar".', guided_grammar: 'Send it in GBNF, as "grammar".', best_of: 'Send "n" instead.' },
  ...{ system: 'Send it as a message of the role "system".', system_prompt: 'Send it as a message of the role "system".' },
  messages: "Send them to /v1/chat/completions.",
  max_output_tokens: 'Send "max_tokens" instead.',
  text: 'Send its format as "response_format".',
  ...{ return_logprob: 'Send "logprobs" instead.', top_logprobs_num: 'Send "logprobs" and "top_logprobs" instead.' },
  ...{ images: "Send each as a part of a message, of type image_url.", options: "Send its fields beside the others." },
};

function refused(name: string, by_engine: boolean): Error {
  const what = by_engine ? "is not supported by this model's engine" : "cannot be honoured by any engine here";
  return invalidValue(`"${name}" ${what}. ${INSTEAD[name] ?? "Leave it out."}`, name, "unsupported_parameter");
}
