// The chat of a request with images, which are no tokens: llama-server renders its messages and reads the images.
import { randomUUID } from "node:crypto";
import * as v from "valibot";
import { AdapterError, type ChatEvent, type ChatMessage, type ChatRequest } from "../adapter.ts";
import type { ModelPrompts } from "../prompts.ts";
import { fitMessages } from "../shared/fit-messages/fit-messages.ts";
import { answerEvents, type FailedAnswer } from "../shared/openai-stream/answer-events.ts";
import { toAdapterError } from "./errors.ts";
import { createTokenEscaper, TokenPieces } from "./escape-special-tokens.ts";
import type { TokenGenerationOptions, SlotUse } from "./generation.ts";
import { imageChatBody, type RenderedTemplate } from "./image-chat-body.ts";
import { refuseBesideImages } from "./image-limits.ts";
import { openAnswer } from "./open-answer.ts";
import { trimLogprobs } from "./request-body.ts";

export interface ImageChatOptions extends TokenGenerationOptions, Pick<RenderedTemplate, "parsed_arguments"> {
  prompts: Pick<ModelPrompts, "render" | "template">;
  /** Texts of special tokens, which stay plain text in messages. */
  special: ReadonlySet<string>;
  /** Whether llama-server has the model's own chat template; else it renders nothing. */
  own_template: boolean;
}

export type ChatInSlot = (request: ImageChatRequest, signal: AbortSignal, use: SlotUse) => AsyncGenerator<ChatEvent>;

const TEMPLATE_STOPPED_SERVER =
  "The model's chat template stopped llama-server, so no request with images can be answered. Give the model's record a " +
  '"prompt_template" in its settings.';

/** What llama-server is to render. Throws `AdapterError` `request_refused` and `request_unsupported` for what it does not honour. */
export function checkedImageChat(request: ChatRequest): ImageChatRequest {
  refuseBesideImages(request);
  const { tools: _, tool_choice: __, choices: ___, ...asked } = request;
  asked.messages.forEach(checkImages);
  return asked;
}

/** A request for one answer without tools. */
export type ImageChatRequest = Omit<ChatRequest, "choices" | "tools" | "tool_choice">;

/** Requests are checked before, by `checkedImageChat` and `checkedSampling`. */
export function createImageChat(options: ImageChatOptions): ChatInSlot {
  const { id, client, watchdog, watch, model, prompts, special, own_template, parsed_arguments } = options;
  const { forms } = prompts.template;
  const template = { forms, parsed_arguments };
  const escapeTokens = createTokenEscaper(special);

  return async function* chat(request, signal, use) {
    // Templates and prompts that are too long are refused as they are without images.
    const messages = request.messages.map(withImageMarkers);
    const { tail } = await prompts.render({ ...request, messages }, model.context_length, signal);
    if (tail.endsWith(IMAGE_MARKER)) throw imageAtEnd(messages.length - 1);
    if (!own_template) throw new AdapterError("template_failed", TEMPLATE_STOPPED_SERVER);
    const begin = async (stop: AbortSignal) => {
      const messages = await escapeTokens(fitMessages(request.messages, forms), async (content, parse_special) => {
        const answer = await client.postJson("/tokenize", { content, parse_special, with_pieces: true }, stop);
        return v.parse(v.object({ tokens: TokenPieces }), answer).tokens;
      });
      const body = { ...imageChatBody({ ...request, messages }, model, template), ...use };
      return answerEvents(await openAnswer({ client, watchdog }, "/v1/chat/completions", body, stop), { stop: request.stop });
    };
    const answer = {
      ...{ begin, count: 1, ends_early: request.stop.length > 0 },
      errorOf: ({ body, status }: FailedAnswer) => toAdapterError(body, status, { id }),
    };
    for await (const event of watch<ChatEvent>(answer, signal)) yield trimLogprobs(event, request);
  };
}

/** llama-server would fetch an address, and read any other text as base64. */
function checkImages({ content }: ChatMessage, i: number): void {
  if (typeof content === "string") return;
  for (const [j, part] of content.entries()) {
    if (part.type === "image_url" && !part.image_url.url.startsWith("data:image/")) {
      const param = `messages[${i}].content[${j}].image_url.url`;
      throw new AdapterError("request_refused", `An image is no "data:" URL.`, { param });
    }
  }
}

/** A text in the place of each image, as llama-server gives the messages to the template. */
function withImageMarkers(message: ChatMessage): ChatMessage {
  const { content } = message;
  if (typeof content === "string") return message;
  const parts = content.map((part) => (part.type === "image_url" ? ({ type: "text", text: IMAGE_MARKER } as const) : part));
  return { ...message, content: parts };
}

const IMAGE_MARKER = `<image ${randomUUID()}>`;

/** An assertion of llama-server (`batch.size() > 0`) ends it at a prompt whose last part is an image. */
function imageAtEnd(index: number): AdapterError {
  const message = "The model's chat template has nothing behind the image that ends the messages. Send a text behind it.";
  return new AdapterError("messages_refused", message, { param: `messages[${index}].content` });
}
