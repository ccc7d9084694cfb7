// The parameters of a request for generated text, as the reference has them.
import * as v from "valibot";
import { described } from "../../reference/operation.ts";
import type { KnownParameter, ParameterList } from "./known.ts";

/** All that are known: those of `own` by their schemas, the others by what becomes of them. Both say where that depends on the model. */
export function parametersReference(own: v.ObjectEntries, known: ParameterList) {
  const named = [...known].filter(([name]) => !name.includes("."));
  const entries = named.map(([name, parameter]): [string, v.GenericSchema] => {
    const text = describeTreatment(parameter);
    const schema = own[name] as v.GenericSchema | undefined;
    if (schema === undefined) return [name, v.optional(described(v.unknown(), text))];
    return [name, text === "" ? schema : described(orNull(schema), text)];
  });
  return v.looseObject({ ...own, ...Object.fromEntries(entries) });
}

/** What may be left out may be null too: `sortParameters` passes over it before a schema sees it. */
function orNull(schema: v.GenericSchema): v.GenericSchema {
  return schema.type === "optional" ? v.nullish((schema as v.OptionalSchema<v.GenericSchema, undefined>).wrapped) : schema;
}

/** In Markdown; empty for what does what its name says. */
function describeTreatment({ from, nothing, treatment }: KnownParameter): string {
  const unless = nothing.says === "" ? "" : `, unless it is ${nothing.says}`;
  if (treatment.type === "mapped") return `${from}'s name, or form, of \`${treatment.to}\`.`;
  if (treatment.type === "passed over") return "Passed over, and named in `x-ingle-ignored`.";
  if (treatment.type === "refused") return `Refused${unless}.`;
  if (treatment.type === "switch" || treatment.type === "thoughts") return "Holds where the model thinks.";
  if (treatment.needs === undefined) return "";
  return `Holds where the model's \`capabilities\` have \`${treatment.needs}\`; elsewhere refused${unless}.`;
}
