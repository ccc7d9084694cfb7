// Fields inside of a parameter that the schema of a request does not know: they are named, as the parameters are.
import { isHollow, isObject } from "../../support/json.ts";

/** What a schema keeps of an object: `true` keeps a field whole. */
export interface KeptFields {
  [name: string]: true | KeptFields;
}

/** The paths, below `path`, of fields that ask for something and are not kept; each of a list is looked at. */
export function droppedFields(path: string, value: unknown, kept: KeptFields): string[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => droppedFields(`${path}[${index}]`, one, kept));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const inner = kept[name];
    if (inner === true || field === "" || isHollow(field)) return [];
    return inner === undefined ? [`${path}.${name}`] : droppedFields(`${path}.${name}`, field, inner);
  });
}
