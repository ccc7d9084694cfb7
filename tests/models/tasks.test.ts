// What a model can be asked for, by its header.
import { describe, expect, test } from "bun:test";
import { array, floats, pair, text, u32, VALUE, writeGguf } from "../../models/gguf/writer.ts";
import { fillFromHeader } from "../../models/gguf/fill-from-header.ts";
import { readGguf } from "../../models/gguf/header.ts";
import { describeKind, embeddingPooling, type Task, tasksOf } from "../../models/tasks.ts";
import { makeModel } from "../support/app.ts";

type Values = Record<string, string | number | string[]>;

async function modelOf(architecture: string, values: Values = {}, tensors: [name: string, dims: number[]][] = []) {
  const pairs = Object.entries<string | number | string[]>({ "general.architecture": architecture, ...values }).map(valueOf);
  const bytes = writeGguf(
    pairs,
    tensors.map(([name, dims]) => ({ name, dims, type: 0, data: floats(Array(dims.reduce((a, b) => a * b, 1)).fill(0)) })),
  );
  const header = await readGguf(async (at, length) => bytes.subarray(at, at + length), bytes.length);
  return fillFromHeader(makeModel("any"), header);
}

function valueOf([key, value]: [string, string | number | string[]]): Uint8Array {
  if (typeof value === "string") return pair(key, VALUE.string, text(value));
  if (typeof value === "number") return pair(key, VALUE.u32, u32(value));
  return pair(key, VALUE.array, array(VALUE.string, value.map(text)));
}

const WRITES: Task[] = ["chat", "completions", "embeddings"];

describe("what a model can be asked for", () => {
  test.each<[string, Values, [string, number[]][], Task[], string, string | undefined]>([
    ["llama", {}, [], WRITES, "a model that writes text", "mean"],
    ["llama", { "llama.pooling_type": 0 }, [], WRITES, "a model that writes text", "mean"],
    ["llama", { "llama.pooling_type": 0xffffffff }, [], WRITES, "a model that writes text", "mean"],
    ["qwen3", { "qwen3.pooling_type": 3 }, [], ["embeddings"], "a model for embeddings", "last"],
    ["qwen3", { "qwen3.pooling_type": 4 }, [], ["rerank"], "a model that ranks texts (a reranker)", "rank"],
    ["llama", { "llama.attention.causal": 0 }, [], ["embeddings"], "a model for embeddings", "mean"],
    ["bert", { "bert.pooling_type": 2 }, [], ["embeddings"], "a model for embeddings", "cls"],
    ["bert", {}, [["cls.weight", [4, 4]]], ["embeddings"], "a model for embeddings", "mean"],
    ["bert", {}, [["cls.output.weight", [4, 1]]], ["rerank"], "a model that ranks texts (a reranker)", "rank"],
    ["bert", { "bert.pooling_type": 1 }, [["cls.output.weight", [4, 1]]], ["embeddings"], "a model for embeddings", "mean"],
    ["jina-bert-v2", {}, [["cls.weight", [4]]], ["rerank"], "a model that ranks texts (a reranker)", "rank"],
    ["nomic-bert-moe", { "nomic-bert-moe.pooling_type": 1 }, [], ["embeddings"], "a model for embeddings", "mean"],
    ["gemma-embedding", {}, [], ["embeddings"], "a model for embeddings", "mean"],
    ["t5encoder", {}, [], ["embeddings"], "a model for embeddings", "mean"],
    ["llada", { "llada.attention.causal": 0 }, [], [], "a model that writes by diffusion", "mean"],
    ["wavtokenizer-dec", {}, [], [], "a model that makes sound", "mean"],
  ])("of the architecture %s with %j and %j", async (architecture, values, tensors, tasks, kind, pooling) => {
    const model = await modelOf(architecture, values, tensors);
    expect<unknown>([tasksOf(model), describeKind(model), embeddingPooling(model)]).toEqual([tasks, kind, pooling]);
  });

  test("is everything where another server runs it, and where its adapter brings it", () => {
    const upstream = { urls: ["http://localhost:1/v1"] };
    expect(tasksOf(makeModel("far", { files: [], upstream }))).toEqual(["chat", "completions", "embeddings", "rerank"]);
    expect(tasksOf(makeModel("own", { files: [] }))).toContain("rerank");
  });

  test("is writing where the header was never read", () => {
    expect(tasksOf(makeModel("old"))).toEqual(WRITES);
  });
});

describe("vectors", () => {
  test("are as long as the model is wide, or as its last layer says", async () => {
    const wide = { "bert.embedding_length": 384 };
    expect((await modelOf("bert", wide)).embedding_length).toBe(384);
    expect((await modelOf("bert", { ...wide, "bert.embedding_length_out": 96 })).embedding_length).toBe(96);
  });

  test.each([
    ["qwen3", "Qwen3 Embedding 0.6B", true],
    ["nomic-bert", "nomic-embed-text-v1.5", true],
    ["nomic-bert", "nomic-embed-text-v1", undefined],
    ["gemma-embedding", "anything", true],
    ["bert", "all-MiniLM-L6-v2", undefined],
    ["bert", "snowflake-arctic-embed-m", undefined],
    ["bert", "Snowflake Arctic Embed M V1.5", true],
  ])("of %s called %s may be cut: %p", async (architecture, name, matryoshka) => {
    expect((await modelOf(architecture, { "general.name": name })).matryoshka).toBe(matryoshka);
  });
});

describe("a gap is filled", () => {
  const KEYS = { "tokenizer.ggml.fim_pre_token_id": 1, "tokenizer.ggml.fim_suf_token_id": 2 };
  test.each<[string, Values, boolean]>([
    ["of two places alone", KEYS, false],
    ["by keys", { ...KEYS, "tokenizer.ggml.fim_mid_token_id": 3 }, true],
    ["by older keys", { ...KEYS, "tokenizer.ggml.middle_token_id": 3 }, true],
    ["by names", { "tokenizer.ggml.tokens": ["a", "", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"] }, true],
    ["by CodeLlama's names", { "tokenizer.ggml.tokens": ["\u2581<PRE>", "x".repeat(9_000), "\u2581<SUF>", "\u2581<MID>"] }, true],
    ["by a key and names", { ...KEYS, "tokenizer.ggml.tokens": ["<\uff5cfim\u2581end\uff5c>"] }, true],
    ["by names that are longer", { "tokenizer.ggml.tokens": ["<|fim_prefix|> ", "<|fim_suffix|>", "<|fim_middle|>"] }, false],
  ])("with tokens %s", async (_, values, fills) => {
    expect((await modelOf("llama", values)).fill_in).toBe(fills);
  });

  test("by names among many, wherever a read of the file ends", async () => {
    const names = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"];
    const filler = Array.from({ length: 9_000 }, (_, index) => `<word ${index}>`);
    for (const at of [0, 4_000, 4_050, 9_000])
      expect((await modelOf("llama", { "tokenizer.ggml.tokens": filler.toSpliced(at, 0, ...names) })).fill_in).toBe(true);
  });

  test("by none of a vocabulary whose header is cut", async () => {
    const whole = writeGguf([valueOf(["tokenizer.ggml.tokens", ["<|fim_prefix|>"]])], []);
    const cut = whole.subarray(0, Buffer.from(whole).indexOf("<|fim") + 6);
    const reading = readGguf(async (at, length) => cut.subarray(at, at + length), cut.length);
    expect(await reading.then(String, (error: Error) => error.message)).toContain("The file is cut");
  });
});
