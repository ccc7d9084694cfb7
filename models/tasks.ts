// What a model can be asked for. Known before a load, from what its record has of the header.
import type { Model, Pooling } from "./manifest.ts";

export const TASKS = ["chat", "completions", "embeddings", "rerank"] as const;
export type Task = (typeof TASKS)[number];

/** Empty for a model that no request is for. Other servers say themselves what theirs cannot do, and so does an adapter that brings its models. */
export function tasksOf({
  pooling,
  causal = true,
  output,
  upstream,
  files,
}: Pick<Model, "pooling" | "causal" | "output" | "upstream" | "files">): readonly Task[] {
  if (upstream !== undefined || files.length === 0) return TASKS;
  if (output !== undefined) return [];
  if (pooling === "rank") return ["rerank"];
  return writesText({ pooling, causal }) ? ["chat", "completions", "embeddings"] : ["embeddings"];
}

/** Whether it makes the next token of a text, which a model for embeddings or ranks does not. */
export function writesText({ pooling = "none", causal = true }: Pick<Model, "pooling" | "causal">): boolean {
  return causal && pooling === "none";
}

/** How one vector is made of those of all tokens: `mean` where the header names no way. */
export function embeddingPooling({ pooling = "none" }: Pick<Model, "pooling">): Exclude<Pooling, "none"> {
  return pooling === "none" ? "mean" : pooling;
}

/** What a model is for, as the end of a sentence. */
export function describeKind({ pooling, causal, output }: Pick<Model, "pooling" | "causal" | "output">): string {
  if (output === "diffusion") return "a model that writes by diffusion";
  if (output === "sound") return "a model that makes sound";
  if (pooling === "rank") return "a model that ranks texts (a reranker)";
  return writesText({ pooling, causal }) ? "a model that writes text" : "a model for embeddings";
}
