// A parameter that some API knows, and what becomes of it. Each endpoint has a list of its own, from which its table of docs/api.md is made.
import type { Capability } from "../../../../adapters/adapter.ts";
import { each, NEVER, type Nothing } from "./nothing.ts";

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

/** By name; a field of `stream_options` has its path. */
export type ParameterList = ReadonlyMap<string, KnownParameter>;

/** By the API that they are best known from. */
export type Groups = Record<string, Record<string, Nothing>>;
type Entry = [name: string, parameter: KnownParameter];

export function entries(groups: Groups, treatment: Treatment): Entry[] {
  return Object.entries(groups).flatMap(([from, names]) =>
    Object.entries(names).map(([name, nothing]): Entry => [name, { from, nothing, treatment }]),
  );
}

/** With engines that have a capability. */
export function optionalEntries(optional: Partial<Record<Capability, Groups>>): Entry[] {
  return Object.entries(optional).flatMap(([needs, groups]) => entries(groups, { type: "honoured", needs: needs as Capability }));
}

/** Other names of parameters. */
export function mappedEntries(mapped: Record<string, Record<string, string>>): Entry[] {
  return Object.entries(mapped).flatMap(([from, names]) =>
    Object.entries(names).flatMap(([name, to]) => entries({ [from]: each(NEVER, name) }, { type: "mapped", to })),
  );
}

/** Other forms of parameters. */
export function respelledEntries(respelled: Record<string, Record<string, { to: string; nothing: Nothing }>>): Entry[] {
  return Object.entries(respelled).flatMap(([from, names]) =>
    Object.entries(names).flatMap(([name, { to, nothing }]) => entries({ [from]: { [name]: nothing } }, { type: "mapped", to })),
  );
}
