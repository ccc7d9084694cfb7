import * as v from "valibot";
import { codedMessage } from "../support/coded-message.ts";
import { isObject, type JsonObject } from "../support/json.ts";

/** Goes before `v.object`, which takes an array for an object: one whose fields may all be absent. `message` is for whoever sent it. */
export function plainObject(message: string) {
  return v.custom<JsonObject>(isObject, codedMessage("invalid_type", message));
}
