// The one list of the parameters of a chat request that OpenAI, llama.cpp, vLLM and others know, and of what becomes of each. The table of
// docs/api.md is made from it.
import type { Capability } from "../../../../adapters/adapter.ts";
import { HONOURED, MAPPED, OPTIONAL, RESPELLED, SWITCHES, THOUGHTS } from "./honoured.ts";
import { each, NEVER, type Nothing } from "./nothing.ts";
import { PASSED_OVER } from "./passed-over.ts";
import { REFUSED } from "./refused.ts";

export type Treatment =
  /** Does what its name says; `needs`: with an engine that has the capability. */
  | { type: "honoured"; needs?: Capability }
  /** Another name, or another form, of a parameter that is honoured. */
  | { type: "mapped"; to: string }
  /** How much a model thinks; passed over where it does not think. */
  | { type: "switch" }
  /** Bounds thoughts, or keeps them here; passed over in silence where the model does not think, as there are none. */
  | { type: "thoughts" }
  /** A hint that binds nothing. */
  | { type: "passed over" }
  | { type: "refused" };

export interface KnownParameter {
  /** The API that it is best known from. */
  from: string;
  nothing: Nothing;
  treatment: Treatment;
}

type Groups = Record<string, Record<string, Nothing>>;

/** By name; a field of `stream_options` has its path. */
export const PARAMETERS: ReadonlyMap<string, KnownParameter> = new Map([
  ...entries(HONOURED, { type: "honoured" }),
  ...Object.entries(OPTIONAL).flatMap(([needs, groups]) => entries(groups, { type: "honoured", needs: needs as Capability })),
  ...Object.entries(MAPPED).flatMap(([from, names]) =>
    Object.entries(names).flatMap(([name, to]) => entries({ [from]: each(NEVER, name) }, { type: "mapped", to })),
  ),
  ...Object.entries(RESPELLED).flatMap(([from, names]) =>
    Object.entries(names).flatMap(([name, { to, nothing }]) => entries({ [from]: { [name]: nothing } }, { type: "mapped", to })),
  ),
  ...entries(SWITCHES, { type: "switch" }),
  ...entries(THOUGHTS, { type: "thoughts" }),
  ...entries(PASSED_OVER, { type: "passed over" }),
  ...entries(REFUSED, { type: "refused" }),
]);

function entries(groups: Groups, treatment: Treatment): [string, KnownParameter][] {
  return Object.entries(groups).flatMap(([from, names]) =>
    Object.entries(names).map(([name, nothing]): [string, KnownParameter] => [name, { from, nothing, treatment }]),
  );
}
