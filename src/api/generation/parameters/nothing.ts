// Values of a parameter that ask for nothing: they pass with every engine. Null asks for nothing everywhere, and is not in them.
import { isHollow, isObject, type JsonObject } from "../../../support/json.ts";

export interface Nothing {
  /** In Markdown, for the table of docs/api.md. */
  says: string;
  /** `request`: all parameters, with the defaults of the model's record. */
  includes(value: unknown, request: JsonObject): boolean;
  /** An engine that honours the parameter does not get these values either: it might refuse them. */
  withheld?: boolean;
}

export const NEVER: Nothing = { says: "", includes: () => false };

/** Parameters with the same values; spaces are between their names. */
export function each(nothing: Nothing, names: string): Record<string, Nothing> {
  return Object.fromEntries(names.split(" ").map((name) => [name, nothing]));
}

export function is(...values: unknown[]): Nothing {
  return { says: values.map(inCode).join(", "), includes: (value) => values.includes(value) };
}

/** An empty text, list or object. */
export const EMPTY: Nothing = {
  says: "empty",
  includes: (value) => value === "" || (typeof value === "object" && isHollow(value)),
};

/** An empty object alone: to a parameter that is one, an empty list is a value of a wrong kind. */
export const EMPTY_OBJECT: Nothing = { says: EMPTY.says, includes: (value) => isObject(value) && isHollow(value) };

export function either(one: Nothing, other: Nothing): Nothing {
  const says = [one.says, other.says].join("; ");
  return { says, includes: (value, request) => one.includes(value, request) || other.includes(value, request) };
}

/** With that value of another parameter. */
export function beside(name: string, value: unknown): Nothing {
  return { says: `with \`${name}\` ${inCode(value)}`, includes: (_, request) => request[name] === value };
}

/** A number or a list that tunes a sampler which is off. */
export function whileOff(name: keyof typeof OFF): Nothing {
  const includes: Nothing["includes"] = (value, request) => isTuning(value) && isOff(name, request);
  return { says: `while \`${name}\` is off`, includes, withheld: true };
}

export const WITHOUT_PENALTY: Nothing = {
  says: "while no penalty is set",
  includes: (value, request) => isTuning(value) && PENALTIES.every((name) => isOff(name, request)),
  withheld: true,
};

/** The value that turns a sampler off, of those that have one. */
export const OFF = {
  ...{ repeat_penalty: 1, repetition_penalty: 1, frequency_penalty: 0, presence_penalty: 0 },
  ...{ ignore_eos: false, typical_p: 1, top_n_sigma: -1, mirostat: 0, dynatemp_range: 0, xtc_probability: 0, dry_multiplier: 0 },
  adaptive_target: -1,
};
const PENALTIES = ["repeat_penalty", "repetition_penalty", "frequency_penalty", "presence_penalty"] as const;

function isOff(name: keyof typeof OFF, request: JsonObject): boolean {
  return request[name] == null || request[name] === OFF[name];
}

function isTuning(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean" || Array.isArray(value);
}

function inCode(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}
