// Which of llama-server's routes a request takes. A prompt that was rendered elsewhere goes to `POST /completion`; what only the chat route can
// parse or enforce goes there as messages, which llama-server renders anew.
import * as v from "valibot";
import { AdapterError, type ChatMessage, type ChatRequest } from "../adapter.ts";
import type { Prompt, TemplateFacts } from "../prompts.ts";
import { CHUNKS, type ChunkFormat } from "../shared/openai-stream/answer-events.ts";
import { fitMessages } from "../shared/fit-messages/fit-messages.ts";
import { hasImages } from "../shared/message-text.ts";
import { COMPLETION } from "./completion-format.ts";
import { createTokenEscaper, TokenPieces } from "./escape-special-tokens.ts";
import type { LlamaServerClient } from "./http-client.ts";
import { chatRouteBody, completionBody, type LlamaServerModel } from "./request-body.ts";

const TEMPLATE_STOPPED_SERVER =
  "The model's chat template stopped llama-server, so no request with tools, images or a schema can be answered. Give the model's record a " +
  '"prompt_template" in its settings.';

export interface RoutedRequest {
  path: string;
  body: Record<string, unknown>;
  /** Of the answer. */
  format: ChunkFormat;
  /** Tokens of the prompt, where they are known: with images they are not. */
  tokens?: number[];
}

export interface RoutesOptions {
  client: LlamaServerClient;
  model: LlamaServerModel;
  template: TemplateFacts;
  /** Texts of special tokens, which stay plain text in messages. */
  special: ReadonlySet<string>;
}

/** `prompt` is that of `request`. Throws `AdapterError` `messages_refused` and `template_failed`, and what the requests to llama-server throw. */
export function createRoutes({ client, model, template, special }: RoutesOptions) {
  const escapeTokens = createTokenEscaper(special);

  return async (request: ChatRequest, prompt: Prompt, signal: AbortSignal): Promise<RoutedRequest> => {
    if (!template.thinking && !needsChatRoute(request, template)) {
      const tokens = await tokensOf(prompt, signal);
      return { path: "/completion", body: completionBody(request, tokens, model), format: COMPLETION, tokens };
    }
    if (!model.own_template) throw new AdapterError("template_failed", TEMPLATE_STOPPED_SERVER);
    const fitting = fitMessages(request.messages, template.forms);
    const messages = await escapeTokens(fitting, async (content, parse_special) => {
      const answer = await client.postJson("/tokenize", { content, parse_special, with_pieces: true }, signal);
      return v.parse(v.object({ tokens: TokenPieces }), answer).tokens;
    });
    return {
      ...{ path: "/v1/chat/completions", body: chatRouteBody({ ...request, messages }, model, template.forms), format: CHUNKS },
      ...(request.logprobs && !hasImages(request) && { tokens: await tokensOf(prompt, signal) }),
    };
  };

  async function tokensOf(prompt: Prompt, signal: AbortSignal): Promise<number[]> {
    return "tokens" in prompt ? prompt.tokens : tokenizePieces(prompt.pieces, signal);
  }

  /** The prompt has the start token that the model wants once, though many templates write it too. */
  async function tokenizePieces(pieces: string[], signal: AbortSignal): Promise<number[]> {
    const tokenize = async (content: string[]): Promise<number[]> => {
      const answer = await client.postJson("/tokenize", { content, add_special: true, parse_special: true }, signal);
      return v.parse(v.object({ tokens: v.array(v.number()) }), answer).tokens;
    };
    const [tokens, [start]] = await Promise.all([tokenize(pieces), tokenize([""])]);
    return start !== undefined && tokens[0] === start && tokens[1] === start ? tokens.slice(1) : tokens;
  }
}

function needsChatRoute({ messages, tools, response_format }: ChatRequest, { forms }: TemplateFacts): boolean {
  // Where the template shows no calls, the prompt has them as plain text.
  const shown = forms.calls && messages.some(isOfTool);
  return tools !== undefined || response_format !== undefined || shown || hasImages({ messages });
}

const isOfTool = ({ role, tool_calls }: ChatMessage): boolean => role === "tool" || tool_calls !== undefined;

/** What the prompt is made of: bytes of images are no text. */
export function withoutImages(request: ChatRequest): ChatRequest {
  return { ...request, messages: request.messages.map(withoutImageBytes) };
}

function withoutImageBytes(message: ChatMessage): ChatMessage {
  const { content } = message;
  if (typeof content === "string") return message;
  const parts = content.map((part) => (part.type === "image_url" ? { ...part, image_url: { url: "data:image/" } } : part));
  return { ...message, content: parts };
}
