// What a client may ask of the prompt of a chat without an answer to it: how many tokens it is, and its text.
import { AdapterError, type ChatRequest, type Engine } from "../../adapter.ts";
import { contextExceeded } from "../context-exceeded.ts";
import { hasImages } from "../message-text.ts";
import { type ChatParts, readableRequest } from "./chat.ts";

/** Tokens that are counted at most: more than any context holds. */
const COUNTED = 1_000_000;

export function createPromptCalls({
  engine,
  prompts,
  tokenizer,
}: ChatParts): Required<Pick<Engine, "tokenizeChat" | "count" | "render">> {
  const tokenizeChat = async (request: ChatRequest, signal: AbortSignal): Promise<number[]> => {
    refuseImages(request, "counted");
    const prompt = await prompts.render(readableRequest(request, prompts), COUNTED, signal).catch((error: unknown) => {
      const counts = error instanceof AdapterError ? error.context : undefined;
      throw counts === undefined ? error : contextExceeded({ ...counts, n_ctx: engine.context_length }, "some");
    });
    return tokenizer.promptTokens(prompt, signal);
  };
  return {
    tokenizeChat,
    count: async (request, signal) => (await tokenizeChat(request, signal)).length,
    async render(request, signal) {
      refuseImages(request, "part of a text");
      return prompts.renderText(readableRequest(request, prompts), signal);
    },
  };
}

/** The engine itself makes of an image what it reads. */
function refuseImages(request: ChatRequest, what: string): void {
  if (!hasImages(request)) return;
  const message = `"messages" have an image, which cannot be ${what} without an answer. Leave it out.`;
  throw new AdapterError("request_unsupported", message, { param: "messages" });
}
