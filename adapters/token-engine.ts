// The contract of engines that know tokens alone: the embedded engine and llama-server. `shared/chat/` makes chats of them, the same for both:
// it renders the messages, makes grammars of tools and schemas, and reads thoughts and calls out of the text.
import type { Adapter, ChatEvent, ChatRequest, Engine, ScoredToken, TokenLogprob, Usage } from "./adapter.ts";
import type { TokenizeOptions } from "./completion.ts";
import type { EmbedEvent, RerankEvent, RerankRequest } from "./embedding.ts";
import type { ThoughtMarkers } from "./prompts.ts";

/** Loads models as engines that know tokens alone. `load` is as `Adapter.load`. */
export interface TokenAdapter extends Pick<Adapter, "name"> {
  load(...args: Parameters<Adapter["load"]>): Promise<TokenEngine>;
}

/** One loaded model. At most `slots` generations run at a time, each choice of a request counted: whoever calls keeps the count. */
export interface TokenEngine extends Pick<Engine, "slots" | "context_length" | "closed" | "close"> {
  /**
   * One generation: perhaps `prompt` events, then `text` events, then exactly one `finish`, of each choice. Leaving the iteration or aborting
   * frees the slots within one token or one prompt batch; an aborted generation throws the signal's reason. Throws `AdapterError`.
   */
  generate(request: TokenRequest, signal: AbortSignal): AsyncIterable<TokenEvent>;
  /**
   * The same, with the tokens of the prompt as `scored` events before the first text: nothing that a slot holds is reused. Absent where the engine does
   * not say how likely a prompt is.
   */
  score?(request: ScoringRequest, signal: AbortSignal): AsyncIterable<ScoringEvent>;
  /** Texts that follow each other as tokens: of a vocabulary that no library at hand knows. Absent, as the next one, where there is always one. */
  tokenize?(pieces: readonly string[], options: TokenizeOptions, signal: AbortSignal): Promise<number[]>;
  /** The text of tokens that the vocabulary has, with the names of special ones. */
  detokenize?(tokens: readonly number[], signal: AbortSignal): Promise<string>;
  /** Tokens of the longest text that the next calls take; absent where the engine has none of them. */
  readonly longest_input?: number;
  /** Vectors of texts as tokens, of which none is empty or too long; else as `Engine.embed`. */
  embed?(request: TokenEmbedRequest, signal: AbortSignal): AsyncIterable<EmbedEvent>;
  /** Scores of a query and a document together, as the model reads them; else as `embed`. */
  rank?(request: TokenEmbedRequest, signal: AbortSignal): AsyncIterable<RerankEvent>;
  /** As `Engine.rerank`, where the engine takes no tokens for it; no query and document together are too long. */
  rankTexts?(request: RerankRequest, signal: AbortSignal): AsyncIterable<RerankEvent>;
  /** The chat of a request with images, which are no tokens. Absent where the engine takes none. */
  chatWithImages?(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
}

/** Sampling as in a `ChatRequest`, with every default filled in. */
export interface TokenRequest extends Pick<
  ChatRequest,
  | ("max_tokens" | "temperature" | "top_p" | "top_k" | "min_p")
  | ("repeat_penalty" | "frequency_penalty" | "presence_penalty" | "logit_bias" | "samplers")
  | ("seed" | "repeatable" | "cache_scope" | "cache_prompt" | "logprobs")
> {
  /** At least one token. */
  prompt: readonly number[];
  /** Texts, never empty, that end the generation: the text ends before the first of them. */
  stop: readonly string[];
  /** What stands between these is thoughts, in which no text of `stop` counts. `opened`: the prompt has the first of them already. */
  thoughts?: ThoughtMarkers & { opened: boolean };
  /**
   * The slot of the generation that this one goes on from, as its `finish` named it. The prompt begins with what that has read and said, which
   * is reused where it can be, whatever `repeatable` says.
   */
  continues?: number;
  /** So many tokens at the end of the prompt are of the answer already: penalties and DRY count them. Absent: none. */
  answered?: number;
  /** In GBNF, from the first token on. It has been tried, and its cost is bounded. */
  grammar?: string;
  /** The end of the prompt that the grammar has taken already. */
  grammar_begun?: { text: string; tokens: readonly number[] };
  /** Names of special tokens that the text has where they come; of others it has nothing. */
  shown_tokens?: readonly string[];
  /** `text` events have their `count`. */
  report_tokens?: boolean;
  /** So many answers, 2 to the engine's slots: the prompt is read once, and each has the seed of the one before it and one. Absent: one. */
  choices?: number;
  /**
   * Two different tokens or more, of which the `finish` has the odds behind the prompt. `max_tokens` is 1, nothing else is asked for, and the
   * text says nothing.
   */
  compared?: readonly number[];
}

/** `choice`: from 0; absent where the request asks for one. */
export type TokenEvent = { choice?: number } & (
  | Extract<ChatEvent, { type: "prompt" }>
  /** `count`: tokens of the answer so far, with `report_tokens`. */
  | { type: "text"; text: string; count?: number; logprobs?: TokenLogprob[] }
  /**
   * `stopped_by`: which text of `stop` has come. `slot`: that of the generation. `usage`: the whole prompt, and the answer of this choice.
   * `odds`: in the order of `compared`, how likely the model finds each of these tokens where no other may come; their sum is 1.
   */
  | { type: "finish"; reason: "stop" | "length"; stopped_by?: string; slot: number; usage: Usage; odds?: number[] }
);

export interface ScoringRequest extends TokenRequest {
  /** Rivals of each token. */
  scores: { top: number };
}

export type ScoringEvent = TokenEvent | { type: "scored"; tokens: ScoredToken[]; choice?: undefined };

export interface TokenEmbedRequest {
  inputs: readonly (readonly number[])[];
}
