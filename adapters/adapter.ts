// The contract between ingle and what runs models. Types and one error class: nothing here does anything.
import type { AdapterOption } from "../models/adapter-options.ts";
import type { EmbedEvent, EmbedRequest, RerankEvent, RerankRequest } from "./embedding.ts";
import type { InstalledModel, Model, TemplateAbilities } from "../models/manifest.ts";
import type { CompletionRequest, TokenizeOptions } from "./completion.ts";
import type { AdapterErrorCode, AdapterErrorOptions, ContextCounts } from "./error-options.ts";
import type { GenerationRequest } from "./generation-request.ts";
import type { LoadOptions } from "./load-options.ts";

/** Loads models with one engine technology. `registry.ts` lists those that ingle has. */
export interface Adapter {
  readonly name: string;
  /**
   * What an engine of this model can do beside plain chat. Answered before a load, from what the record has of the model's header and
   * template; requests for the rest of the API are refused. An engine has no capabilities of its own.
   */
  capabilities(model: Model): readonly Capability[];
  /** What of `InstalledModel.adapter_options` its engines honour; a model with others is not loaded. Absent: nothing. */
  readonly options?: readonly AdapterOption[] | undefined;
  /**
   * What an engine passes over of a request that its capabilities permit, by the paths of fields and of keywords in schemas. Answered before a
   * load. Throws `AdapterError` `request_refused`, `request_unsupported` and `unsupported_schema` for what it cannot honour. Absent: nothing is
   * known before.
   */
  passedOver?(request: ChatRequest, model: Model): readonly string[] | Promise<readonly string[]>;
  /**
   * What samples of the model's chat template show, without a load: known from an earlier time where the template was the same one, else
   * rendered now. Absent, or undefined: this machine renders none for it. Throws `AdapterError`, and the signal's reason when aborted.
   */
  templateAbilities?(model: InstalledModel, signal: AbortSignal): Promise<TemplateAbilities | undefined>;
  /**
   * Loads a model and answers with an engine that is ready for its first request.
   * Throws `AdapterError` `model_load_failed` when the file cannot be loaded, and the signal's reason when aborted.
   */
  load(model: InstalledModel, options: LoadOptions, signal: AbortSignal): Promise<Engine>;
}

/** One loaded model. At most `slots` chats run at a time: whoever calls keeps the count. */
export interface Engine {
  /** How many chats it runs side by side: at most what the load asked for. */
  readonly slots: number;
  /** Tokens one slot holds, prompt and answer together; `Infinity` where other servers run the model and none says it. */
  readonly context_length: number;
  /** What samples of the model's chat template have shown; absent where this machine renders none for it. */
  readonly template?: TemplateAbilities;
  /** Settles when the engine is gone: with nothing after `close()`, with the reason when it died. Never rejects. */
  readonly closed: Promise<AdapterError | undefined>;
  /**
   * One generation: perhaps `prompt` events, then `text` events, then exactly one `finish`. Leaving the iteration or aborting frees the slot
   * within one token or one prompt batch; an aborted generation throws the signal's reason. Throws `AdapterError`.
   */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  /**
   * One generation that goes on with a prompt as it is, without a chat template; events, abort and errors as of `chat`. `param` is `prompt[i]`
   * for a token that the model has not. Absent, as each of the next ones: the engine has no such call.
   */
  complete?(request: CompletionRequest, signal: AbortSignal): AsyncIterable<CompletionEvent>;
  /** A text as tokens. Takes no slot, as the next five. Throws `AdapterError`, and the signal's reason when aborted. */
  tokenize?(text: string, options: TokenizeOptions, signal: AbortSignal): Promise<number[]>;
  /** The text of tokens, with the names of special ones. Throws `request_refused` with `param` `tokens[i]` for one that the model has not. */
  detokenize?(tokens: readonly number[], signal: AbortSignal): Promise<string>;
  /** What each token stands for, in bytes; of a special one its name. Throws as `detokenize`. */
  tokenBytes?(tokens: readonly number[], signal: AbortSignal): Promise<number[][]>;
  /** The prompt that a chat would begin with, as tokens, however many a slot holds. */
  tokenizeChat?(request: ChatRequest, signal: AbortSignal): Promise<number[]>;
  /** How many they are. */
  count?(request: ChatRequest, signal: AbortSignal): Promise<number>;
  /** What the chat template makes of a chat, without the token that a sequence begins with. */
  render?(request: ChatRequest, signal: AbortSignal): Promise<string>;
  /**
   * How likely the model finds texts as answers to questions: an `answer` for each question in their order, then one `finish`. It is one
   * generation, and ends as one of `chat` does.
   */
  weigh?(request: WeighRequest, signal: AbortSignal): AsyncIterable<WeighEvent>;
  /**
   * Vectors of texts, in any order, then exactly one `finish`. Leaving the iteration or aborting ends it within one step of one text; what is
   * aborted throws the signal's reason. Throws `AdapterError`; `param` is `input[i]` where a text is at fault. Absent, as the next one: the
   * engine has no such call.
   */
  embed?(request: EmbedRequest, signal: AbortSignal): AsyncIterable<EmbedEvent>;
  /** How well documents answer a query; as `embed`. `param` is `documents[i]`, or `query`. */
  rerank?(request: RerankRequest, signal: AbortSignal): AsyncIterable<RerankEvent>;
  /** Stops running generations and gives back memory and processes. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Parts of the API that some engines honour and others do not; the fields of `ChatRequest` say which one they need. `decisions`: its engines
 * have `weigh`. `prompt_logprobs`: as `CompletionRequest.score_prompt`.
 */
export const CAPABILITIES = [
  ...(["images", "tools", "response_format", "patterns", "grammar", "logprobs", "logit_bias", "samplers"] as const),
  ...(["choices", "decisions", "prompt_logprobs"] as const),
] as const;
export type Capability = (typeof CAPABILITIES)[number];

export interface ChatRequest extends GenerationRequest {
  messages: ChatMessage[];
  /**
   * False: the answer is a message of its own. Else it goes on with the last message, where that is an assistant's without calls, and what
   * that says already is no part of it; absent, another server decides.
   */
  continue_final_message?: boolean;
  /** Tokens of thoughts at most, 0 or more; then the thoughts are ended by their own marker. Absent: no bound of their own. */
  reasoning_budget?: number;
  /** Capability `tools`, as the next two. */
  tools?: Tool[];
  /** Absent: the model decides. A name: that tool and no other. */
  tool_choice?: "none" | "auto" | "required" | { name: string };
  parallel_tool_calls?: boolean;
  /** Values for the model's chat template, by names that are none of its own (`messages`, `tools` …). */
  chat_template_kwargs?: Record<string, unknown>;
}

/** Questions about a conversation. */
export interface WeighRequest extends Pick<ChatRequest, "messages" | "cache_scope" | "chat_template_kwargs"> {
  questions: readonly WeighedQuestion[];
}

/** Stands behind the messages as if it were the only one. */
export interface WeighedQuestion {
  /** What a user's message says. */
  content: ChatMessage["content"];
  /** Two texts or more, none of which is the beginning of another. */
  answers: readonly string[];
}

export type WeighEvent =
  /** In the order of the answers: how probable each is at temperature 1 where no other text may come. The sum is 1. */
  | { type: "answer"; probabilities: readonly number[] }
  /** `prompt_tokens`: of the first question, and what the engine has read of the others beside that. No token is generated. */
  | { type: "finish"; usage: Usage };

export interface ChatMessage {
  role: "system" | "user" | "assistant" | "tool";
  /** Parts only where one of them is an image. */
  content: string | ContentPart[];
  /** An assistant's; `content` may then be empty. */
  tool_calls?: ToolCall[];
  /** A tool's: the call that it answers. */
  tool_call_id?: string;
  /** Of who speaks, or of the tool that answers. */
  name?: string;
  /** An assistant's: what it thought before it answered, for templates that keep that. */
  reasoning_content?: string;
}

export type ContentPart =
  | { type: "text"; text: string }
  /** Capability `images`. A `data:` URL: nothing is ever fetched for it. */
  | { type: "image_url"; image_url: { url: string; detail?: string } };

export interface Tool {
  type: "function";
  function: { name: string; description?: string; parameters?: object; strict?: boolean };
}

export interface ToolCall {
  /** Empty in a conversation whose client sent none. */
  id: string;
  type: "function";
  /** `arguments`: JSON, as the model wrote it. */
  function: { name: string; arguments: string };
}

/** `choice`: from 0; absent where the request asks for one answer. */
export type ChatEvent = { choice?: number } &
  /** The prompt is read so far; in tokens. Only long prompts send it, so that a long silence means trouble. */
  (
    | { type: "prompt"; read: number; total: number }
    | { type: "text"; text: string; logprobs?: TokenLogprob[] }
    /** What the model thinks before it answers. */
    | { type: "reasoning"; text: string }
    /** A piece of a call: its first one has `id` and `name`, and `arguments` is what comes behind the pieces before. */
    | { type: "tool_call"; index: number; id?: string; name?: string; arguments: string }
    /** The one end of all answers. `further`: how those behind the first one ended, in their order. */
    | ({ type: "finish"; usage: Usage; further?: ChoiceEnd[] } & ChoiceEnd)
  );

export type CompletionEvent =
  | ChatEvent
  /** The next tokens of a prompt that is scored, all of which come before the first text. */
  | { type: "scored"; tokens: ScoredToken[]; choice?: undefined };

export interface ChoiceEnd {
  reason: "stop" | "length" | "tool_calls";
  /** What the text breaks of the schema that the request gave; absent where it holds, and where there is none. */
  schema_failure?: SchemaFailure;
}

export interface SchemaFailure {
  /** JSON pointer of the value, from the root of the text's. */
  pointer: string;
  /** The keyword of the schema that does not hold. */
  keyword: string;
}

/** As OpenAI's API shows it. */
export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes: number[] | null;
  top_logprobs?: Omit<TokenLogprob, "top_logprobs">[];
}

/** A token of a prompt. The first one has no probability: nothing is before it. */
export interface ScoredToken extends Omit<TokenLogprob, "logprob"> {
  logprob: number | null;
}

/** Numbers of tokens. */
export interface Usage {
  /** The whole prompt, cached tokens included. */
  prompt_tokens: number;
  /** All that was generated, an end-of-answer token included. */
  completion_tokens: number;
  /** The part of the prompt that a slot still held from an earlier request. */
  cached_tokens: number;
  /** The part of what was generated that is thoughts. Absent: not known. */
  reasoning_tokens?: number;
}

/** What an adapter throws when a model or an engine, not the caller's code, is at fault. The message is for the user. */
export class AdapterError extends Error {
  override readonly name = "AdapterError";
  readonly code: AdapterErrorCode;
  readonly retry_after: number | undefined;
  readonly param: string | undefined;
  readonly public_message: string | undefined;
  readonly context: ContextCounts | undefined;
  readonly lasting: boolean;

  constructor(code: AdapterErrorCode, message: string, options: AdapterErrorOptions = {}) {
    const { retry_after, param, public_message, context, lasting = false, ...more } = options;
    super(message, more);
    this.code = code;
    this.retry_after = retry_after;
    this.param = param;
    this.public_message = public_message;
    this.context = context;
    this.lasting = lasting;
  }
}
