// Schemas of objects in a request. valibot's own take an array for an object; these refuse it as any other value that is none.
import * as v from "valibot";
import { isObject, type JsonObject } from "../support/json.ts";

export const object = withoutArrays(v.object);
export const looseObject = withoutArrays(v.looseObject);
export const objectWithRest = withoutArrays(v.objectWithRest);
export const record = withoutArrays(v.record);
export const variant = withoutArrays(v.variant);

/** An object as it was sent, with keys such as `__proto__`, which the others drop. */
export const anyObject = Object.assign(v.custom<JsonObject>(isObject), { expects: "Object" as never });

/** The same schema, whose errors show a value that it takes: "It must be an object such as {…}." */
export function withExample<Schema extends v.GenericSchema>(schema: Schema, example: v.InferInput<Schema>): Schema {
  return { ...schema, expects: `${schema.expects} such as ${JSON.stringify(example)}` };
}

function withoutArrays<Make extends (...given: never[]) => v.GenericSchema>(make: Make): Make {
  const makeObject = (...given: Parameters<Make>): v.GenericSchema => {
    const schema = make(...given);
    const run = schema["~run"];
    return Object.assign(schema, {
      "~run": function (this: typeof schema, ...[dataset, config]: Parameters<typeof run>): ReturnType<typeof run> {
        if (!Array.isArray(dataset.value)) return run.call(this, dataset, config);
        v._addIssue(this, "type", dataset, config);
        return dataset as never;
      },
    });
  };
  return makeObject as Make;
}
