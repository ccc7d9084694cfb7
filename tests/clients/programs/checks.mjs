// What the programs in JavaScript share: PROGRAM URL MODEL prints a line for each check, its name, a tab, and "ok" or what went wrong.
import { inspect } from "node:util";
import { z } from "zod";

const [, , url, model = ""] = process.argv;
export const BASE_URL = `${url}/v1`;
export const MODEL = model;

// Whatever the model says fits into the tokens that are asked for.
export const MAX_TOKENS = 120;
export const City = z.object({
  city: z.string().max(20),
  kind: z.enum(["town", "capital"]),
  tags: z.array(z.string().max(10)).max(2),
});
export const Place = z.object({ city: z.string().max(20) });
export const DESCRIBE = "Describe Paris as JSON.";
export const ASK = "What is the weather in Paris?";
export const weatherIn = ({ city }) => `It is sunny in ${city}.`;

export const UNENFORCEABLE = {
  type: "object",
  properties: { a: { type: "array", uniqueItems: true, items: { type: "string" } } },
  required: ["a"],
  additionalProperties: false,
};

let requests = 0;
/** `fetch`, counted: a request that can never succeed is to be sent once. */
export const countingFetch = (...args) => (requests++, fetch(...args));

export async function check(name, run) {
  const outcome = await run().then(
    () => "ok",
    (error) => inspect(error).replaceAll("\n", " | "),
  );
  console.log(`${name}\t${outcome}`);
}

export async function refused(run, fits) {
  requests = 0;
  const error = await run().then(
    (answer) => new Error(`answered: ${inspect(answer)}`),
    (error) => error,
  );
  if (!fits(error)) throw error;
  if (requests !== 1) throw new Error(`sent ${requests} times`);
}
