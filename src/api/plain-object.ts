import * as v from "valibot";
import { codedMessage } from "../support/coded-message.ts";
import { isObject, type JsonObject } from "../support/json.ts";

const fieldsOf = new WeakMap<object, v.GenericSchema>();

/** An object with any fields. `message` is for whoever sent something else. */
export function plainObject(message: string) {
  return v.custom<JsonObject>(isObject, codedMessage("invalid_type", message));
}

/** The same with the fields of `schema`: `v.object` alone takes an array for an object whose fields may all be absent. */
export function plainObjectOf<S extends v.GenericSchema<JsonObject, unknown>>(message: string, schema: S) {
  const plain = plainObject(message);
  fieldsOf.set(plain, schema);
  return v.pipe(plain, schema);
}

/** The schema of the fields, for the reference: nothing else shows what stands behind a check. */
export function fieldsOfPlainObject(plain: object): v.GenericSchema | undefined {
  return fieldsOf.get(plain);
}
