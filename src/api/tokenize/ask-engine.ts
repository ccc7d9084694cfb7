// Asks the engine of a model for what takes no slot.
import type { Context } from "hono";
import type { Engine } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { clientOf } from "../../http/client-of.ts";
import { invalidValue } from "../../http/errors.ts";
import type { Deps } from "../deps.ts";

type EngineCall = "tokenize" | "detokenize" | "tokenBytes" | "tokenizeChat" | "count" | "render";

interface EngineQuestion {
  model: Model;
  keep_alive: number | null | undefined;
}

/** The model is loaded where it is not. Throws what `use` throws, and as `ModelPool.run`. */
export async function askEngine<Result>(
  c: Context<AppEnv>,
  deps: Deps,
  { model, keep_alive }: EngineQuestion,
  use: (engine: Engine, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const options = {
    ...{ signal: c.req.raw.signal, client: clientOf(c, deps.guards), slots: 0 },
    keep_alive: keep_alive ?? undefined,
  };
  const events = deps.pool.run(model, options, async function* answer(engine, signal) {
    yield { type: "finish" as const, result: await use(engine, signal) };
  });
  for await (const event of events) if (event.type === "finish") return event.result;
  throw new Error("An engine was asked and did not answer.");
}

/** One call of an engine. Throws 400 where it has none; `param`: what needs it. */
export function callOf<Name extends EngineCall>(engine: Engine, name: Name, param: string): NonNullable<Engine[Name]> {
  const call = engine[name];
  if (call !== undefined) return call;
  const message = `"${param}" needs what this model's engine cannot tell. Leave it out, or ask another model.`;
  throw invalidValue(message, param, "unsupported_parameter");
}
