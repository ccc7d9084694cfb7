// The markers of thoughts of the templates of llama.cpp's own tests.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { NativeAddon } from "../../adapters/prompt-process/native.ts";
import { SAMPLES } from "../../adapters/prompt-process/sample-template.ts";
import { sampleThoughts } from "../../adapters/prompt-process/sample-thoughts.ts";
import { compileTemplate } from "../../adapters/prompt-process/template.ts";
import type { ThoughtMarkers } from "../../adapters/prompts.ts";
import { nativeAddon } from "../../src/executable/carried-engines.ts";
import { llamaCppModels } from "../support/llama-cpp-models.ts";
import { tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";

const { root, templates } = llamaCppModels();
const prompts = startPrompts();
afterAll(() => {
  rmSync(root, { recursive: true });
  return prompts.close();
});

let addon: NativeAddon;
beforeAll(async () => {
  addon = (await nativeAddon(process.env))!;
});

const tags = (name: string, close: string, skip: string): ThoughtMarkers => ({
  ...{ begin: `<${name}>`, end: `</${name}>`, close, skip },
});
const think = (close: string, skip: string): ThoughtMarkers => tags("think", close, skip);
const cohere = (text: string, rest: string): ThoughtMarkers => ({
  ...{ begin: "<|START_THINKING|>", end: "<|END_THINKING|>", close: `<|END_THINKING|><|START_${text}|>` },
  ...{ skip: "<|START_THINKING|><|END_THINKING|>", text_begins: [`<|START_${text}|>`] },
  text_end: { mark: `<|END_${text}|>`, rest },
});
const gemma = (close: string): ThoughtMarkers => ({
  ...{ begin: "<|channel>thought", end: "<channel|>", close, skip: "<|channel>thought\n<channel|>" },
});

const MARKERS: Record<string, ThoughtMarkers> = {
  "Apertus-8B-Instruct": { begin: "<|inner_prefix|>", end: "<|inner_suffix|>", close: "<|inner_suffix|>", skip: "" },
  "Apriel-1.6-15b-Thinker-fixed": {
    ...{ begin: "Here are my reasoning steps:", end: "[BEGIN FINAL RESPONSE]", close: "\n[BEGIN FINAL RESPONSE]\n" },
    skip: "Here are my reasoning steps:\n[BEGIN FINAL RESPONSE]\n",
  },
  "Bielik-11B-v3.0-Instruct": think("\n</think>\n", ""),
  "ByteDance-Seed-OSS": tags("seed:think", "</seed:think>\n", "<seed:think></seed:think>\n"),
  Cohere2MoE: cohere("TEXT", "<|END_OF_TURN_TOKEN|>"),
  "CohereForAI-c4ai-command-r7b-12-2024-tool_use": cohere(
    "RESPONSE",
    "<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
  ),
  "GLM-4.6": think("</think>\n", "<think></think>"),
  "GLM-4.7-Flash": think("</think>", "</think>"),
  "HuggingFaceTB-SmolLM3-3B": think("\n</think>\n", "<think>\n\n</think>\n"),
  "Kimi-K2-Thinking": think("</think>", "<think></think>"),
  "Kimi-K3": {
    ...{ begin: "<|open|>think<|sep|>", end: "<|close|>think<|sep|>", skip: "" },
    ...{ close: "<|close|>think<|sep|><|open|>response<|sep|>", text_begins: ["<|open|>response<|sep|>"] },
    text_end: { mark: "<|close|>response<|sep|>", rest: "<|close|>message<|sep|><|end_of_msg|>" },
  },
  "LFM2.5-8B-A1B": think("</think>", "<think></think>"),
  "LFM2.5-Instruct": think("</think>", "<think></think>"),
  "MiniMax-M2": think("\n</think>\n\n", "<think>\n</think>\n\n"),
  "MiniMax-M3": tags("mm:think", "</mm:think>", "</mm:think>"),
  "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": think("\n</think>\n", "<think></think>"),
  "NVIDIA-Nemotron-Nano-v2": think("\n</think>\n\n", "<think>\n</think>\n\n"),
  "Qwen-QwQ-32B": think("\n</think>\n\n", "<think>\n</think>"),
  "Qwen-Qwen3-0.6B": think("\n</think>\n\n", "<think>\n\n</think>\n\n"),
  "Qwen3.5-4B": think("\n</think>\n\n", "<think>\n\n</think>\n\n"),
  "Reka-Edge": think("\n</think>\n\n", ""),
  "Spark2.5": think("</think>", "</think>"),
  "StepFun3.5-Flash": think("\n</think>\n", "<think>\n</think>\n"),
  "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": think("\n</think>\n\n", "<think>\n</think>\n\n"),
  "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": think("\n</think>\n\n", "<think>\n</think>"),
  "deepseek-ai-DeepSeek-V3.1": think("</think>", "<think></think>"),
  "deepseek-ai-DeepSeek-V3.2": think("</think>", "<think></think>"),
  "deepseek-ai-DeepSeek-V4": think("</think>", "</think>"),
  "deepseek-ai-DeepSeek-V4-Flash-0731": think("</think>", "</think>"),
  "google-gemma-4-31B-it": gemma("\n<channel|>"),
  "google-gemma-4-31B-it-interleaved": gemma("<channel|>"),
  "ibm-granite-granite-3.3-2B-Instruct": {
    ...think("</think><response>", ""),
    ...{ text_begins: ["<response>"], text_end: { mark: "</response>", rest: "" } },
  },
  "inclusionai-ling-3.0-flash": think("</think>", "<think></think>"),
  "llama-cpp-deepseek-r1": think("\n</think>\n\n", "<think>\n</think>\n\n"),
  "llama-cpp-rwkv-world": think("\n</think>\n\n", "<think>\n</think>"),
  "mistralai-Ministral-3-14B-Reasoning-2512": {
    ...{ begin: "[THINK]", end: "[/THINK]", close: "[/THINK]", skip: "[THINK][/THINK]" },
  },
  "muse-glimmer": {
    ...{ begin: "to=self<|message|>", end: "<|eom|>", close: "<|eom|><|start|>assistant to=user<|message|>" },
    ...{ skip: " to=user<|message|>", next: "<|start|>assistant", text_begins: ["to=user<|message|>"] },
  },
  "openai-gpt-oss-120b": {
    ...{ begin: "<|channel|>analysis<|message|>", end: "<|end|>", next: "<|start|>assistant" },
    ...{ close: "<|end|><|start|>assistant<|channel|>final<|message|>", skip: "<|channel|>final<|message|>" },
    text_begins: ["<|channel|>final<|message|>", "<|channel|>commentary<|message|>"],
  },
  "openbmb-MiniCPM5-1B": think("\n</think>\n\n", "<think>\n\n</think>\n\n"),
  "poolside-Laguna-S-2.1": think("</think>", "</think>"),
  "poolside-Laguna-XS-2.1": think("\n</think>\n", "</think>"),
  "poolside-Laguna-XS.2": think("\n</think>\n", "</think>"),
  "tencent-Hy3": tags("think:opensource", "</think:opensource>", "<think:opensource></think:opensource>"),
  "upstage-Solar-Open-100B": {
    ...{ begin: "<|think|>", end: "<|end|>", close: "<|end|><|begin|>assistant<|content|>", skip: "<|content|>" },
    ...{ next: "<|begin|>assistant", text_begins: ["<|content|>"] },
  },
};

test("are those of 44 templates of llama.cpp, and the other 26 have none", () => {
  const found = templates.flatMap(({ name, source }) => {
    const { render } = compileTemplate({ chat_template: source }, { bos: "<s>", eos: "</s>" }, addon);
    const { parts = false } = SAMPLES.user(render, false);
    const markers = sampleThoughts(render, parts);
    return markers === undefined ? [] : [[name, markers]];
  });
  expect([templates.length, found.length]).toEqual([70, 44]);
  expect(Object.fromEntries(found)).toEqual(MARKERS);
});

test("are known of an open model", async () => {
  const { source } = templates.find(({ name }) => name === "Qwen-Qwen3-0.6B")!;
  const { signal } = new AbortController();
  const model = await prompts.open(await tinyModel({ template: source }), signal);
  expect(model.template.thoughts).toEqual(MARKERS["Qwen-Qwen3-0.6B"]!);
  const plain = await prompts.open(await tinyModel({}), signal);
  expect(plain.template).not.toHaveProperty("thoughts");
});
