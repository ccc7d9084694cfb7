// A tiny model with random weights, made on the spot, and what it is asked.
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChatMessage, ChatRequest } from "../../adapters/adapter.ts";
import type { CompletionRequest, TokenizeOptions } from "../../adapters/completion.ts";
import type { TokenRequest } from "../../adapters/token-engine.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { tinyGguf, type TinyGguf } from "./tiny-gguf.ts";

/** A text as the beginning of a prompt. */
export const WHOLE_TEXT: TokenizeOptions = { add_special: true, parse_special: true };

/** Every message as it is, and nothing else. */
export const PLAIN_TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}";

export async function tinyModel(options: TinyGguf = {}): Promise<InstalledModel> {
  const path = join(await mkdtemp(join(tmpdir(), "ingle-tiny-")), "tiny.gguf");
  await writeFile(path, tinyGguf({ template: PLAIN_TEMPLATE, ...options }));
  return { id: "tiny", path, settings: {} };
}

/** A greedy request of one user message, or of the messages given. */
export function ask(content: string | ChatMessage[], more: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: typeof content === "string" ? [{ role: "user", content }] : content,
    max_tokens: 16,
    temperature: 0,
    top_p: 1,
    top_k: 0,
    min_p: 0,
    repeat_penalty: 1,
    frequency_penalty: 0,
    presence_penalty: 0,
    stop: [],
    seed: 1,
    repeatable: true,
    cache_scope: "",
    ...more,
  };
}

/** A greedy completion of a prompt. */
export function askCompletion(prompt: CompletionRequest["prompt"], more: Partial<CompletionRequest> = {}): CompletionRequest {
  const { messages: _, ...sampling } = ask("");
  return { ...sampling, prompt, ...more };
}

/** A greedy generation behind these tokens. */
export function askTokens(prompt: readonly number[], more: Partial<TokenRequest> = {}): TokenRequest {
  const { messages: _, choices: __, ...sampling } = ask("");
  return { ...sampling, prompt, ...more };
}
