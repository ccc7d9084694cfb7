// How long a text may be of which a vector is made.
import { expect, test } from "bun:test";
import { embeddingSizes } from "../../models/embedding-sizes.ts";

test.each([
  ["a model that writes", {}, 4_096, 512, 512],
  ["one with a short context", {}, 256, 256, 256],
  ["an encoder", { causal: false, pooling: "mean" }, 512, 512, 512],
  ["an encoder of long texts", { causal: false, pooling: "cls" }, 32_768, 8_192, 8_192],
  ["an encoder that takes the last token", { causal: false, pooling: "last" }, 1_024, 1_024, 1_024],
  ["a model that takes the last token", { causal: true, pooling: "last" }, 32_768, 512, 32_767],
  ["a reranker that could write", { causal: true, pooling: "rank" }, 32_768, 2_048, 2_048],
  ["a reranker", { causal: false, pooling: "rank" }, 512, 512, 512],
] as const)("%s computes so many tokens at a time, and takes texts of so many", (_, model, context, step, longest) => {
  expect(embeddingSizes(model, context)).toEqual({ step, longest });
});
