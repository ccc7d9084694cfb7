// Which generation made an answer, for the log.
import type { Context } from "hono";
import type { AppEnv, GenerationTrace } from "./app-env.ts";

/** The trace of the generation that answers this request, to be handed to the model pool. */
export function traceGeneration(c: Context<AppEnv>, model: string): GenerationTrace {
  const trace = { model };
  c.set("generation", trace);
  return trace;
}
