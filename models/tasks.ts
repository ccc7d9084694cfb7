// What a model can be asked for. Known before a load, from what its record has of the header.
import type { Model, Pooling } from "./manifest.ts";

export const TASKS = ["chat", "completions", "embeddings", "rerank"] as const;
export type Task = (typeof TASKS)[number];

type TaskModel = PooledModel & Pick<Model, "causal" | "output" | "upstream" | "files">;

/** Empty for a model that no request is for. Other servers say themselves what theirs cannot do, and so does an adapter that brings its models. */
export function tasksOf(model: TaskModel): readonly Task[] {
  const { output, upstream, files } = model;
  if (upstream !== undefined || files.length === 0) return TASKS;
  if (output !== undefined) return [];
  if (embeddingPooling(model) === "rank") return ["rerank"];
  return writesText(model) ? ["chat", "completions", "embeddings"] : ["embeddings"];
}

/** Whether it makes the next token of a text, which a model for embeddings or ranks does not. */
export function writesText({
  pooling = "none",
  causal = true,
  adapter_options,
}: Partial<PooledModel & Pick<Model, "causal">>): boolean {
  return causal && pooling === "none" && adapter_options?.pooling !== "rank";
}

type PooledModel = Pick<Model, "pooling" | "adapter_options">;

/** How one vector is made of those of all tokens: as its record says, else its header, else by their `mean`. */
export function embeddingPooling({ pooling = "none", adapter_options }: PooledModel): Exclude<Pooling, "none"> {
  return adapter_options?.pooling ?? (pooling === "none" ? "mean" : pooling);
}

/** What a model is for, as the end of a sentence. */
export function describeKind(model: PooledModel & Pick<Model, "causal" | "output">): string {
  const { output } = model;
  if (output === "diffusion") return "a model that writes by diffusion";
  if (output === "sound") return "a model that makes sound";
  if (embeddingPooling(model) === "rank") return "a model that ranks texts (a reranker)";
  return writesText(model) ? "a model that writes text" : "a model for embeddings";
}
