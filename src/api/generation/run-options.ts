// How a request runs on the engine of its model.
import type { Context } from "hono";
import type { Model } from "../../../models/manifest.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { clientOf } from "../../http/client-of.ts";
import { traceGeneration } from "../../http/generation-trace.ts";
import type { Deps } from "../deps.ts";

/** For `ModelPool.run`. `keep_alive`: how long the model stays loaded afterwards, in ms. */
export function runOptionsOf(
  c: Context<AppEnv>,
  { guards }: Pick<Deps, "guards">,
  { id }: Model,
  keep_alive: number | null | undefined,
) {
  return {
    signal: c.req.raw.signal,
    client: clientOf(c, guards),
    keep_alive: keep_alive ?? undefined,
    trace: traceGeneration(c, id),
  };
}
