// The contract of the prompt process: what the adapters ask of the one process that renders templates and tries grammars for all models.
import type { InstalledModel } from "../models/manifest.ts";
import type { ChatRequest } from "./adapter.ts";
import type { TokenizeOptions } from "./completion.ts";
import type { RerankRequest } from "./embedding.ts";
import type { CallSyntax } from "./call-syntax.ts";

/** Templates and grammars are strangers' programs: a clock and limits of output and memory end them, and the process with them where need be. */
export interface Prompts {
  /**
   * Reads a model's template and vocabulary; called beside each load, which may go on meanwhile. Starts the process where it does not run.
   * Throws `AdapterError` `model_load_failed` where the template cannot be parsed, and `engine_unavailable` where the process cannot be had.
   */
  open(model: InstalledModel, signal: AbortSignal): Promise<ModelPrompts>;
  /** What is known of a template by its digest, without asking the process; undefined where that is nothing. */
  knownTemplate(digest: string): Promise<TemplateFacts | undefined>;
  /** Ends the process. Safe to call twice. */
  close(): Promise<void>;
}

/** The prompts of one loaded model. Survives a death of the process: the next call starts it anew. */
export interface ModelPrompts {
  readonly template: TemplateFacts;
  /** Stands for the template and all else that its samples are rendered of: models with the same one have the same facts. */
  readonly template_digest: string;
  /** Tokens of the vocabulary. */
  readonly vocab_size: number;
  /** Tokens around a gap; absent where the model has none, and where no library at hand knows the vocabulary. */
  readonly fill_in?: FillInTokens | undefined;
  /** Of a text of its own; empty also where no library at hand knows the vocabulary. */
  readonly ends: SequenceEnds;
  /**
   * The prompt of a request: its messages, and its tools where it has some, as the template renders them before an answer. Special tokens
   * that stand in messages stay text. Throws `AdapterError`: `messages_refused` where the template refuses the messages, `template_failed`
   * where it breaks or exceeds its limits, and `context_length_exceeded` where the prompt leaves no room for an answer.
   * `context_length`: tokens that a slot holds.
   */
  render(request: PromptRequest, context_length: number, signal: AbortSignal): Promise<Prompt>;
  /**
   * A text that goes on with a prompt, as tokens; names of special tokens become these. Undefined where no library at hand knows the
   * vocabulary.
   */
  tokenize(text: string, signal: AbortSignal): Promise<number[] | undefined>;
  /**
   * A text of its own as tokens; undefined as above. `context_length`: throws `AdapterError` `context_length_exceeded` where there are so many.
   */
  tokenizeText(text: string, options: TextOptions, signal: AbortSignal): Promise<number[] | undefined>;
  /** Texts of their own as tokens; undefined as above. None is longer than a process can bear at once: some hundred thousand characters. */
  tokenizeTexts(texts: readonly string[], options: TokenizeOptions, signal: AbortSignal): Promise<number[][] | undefined>;
  /** A query with each document, as a reranker reads them; undefined as above, and as long. Names of special tokens in them stay text. */
  rankInputs(request: RerankRequest, signal: AbortSignal): Promise<number[][] | undefined>;
  /** The text of tokens that the vocabulary has, with the names of special ones; undefined as above. */
  detokenize(tokens: readonly number[], signal: AbortSignal): Promise<string | undefined>;
  /** What each token that the vocabulary has stands for, in bytes; undefined as above. */
  tokenBytes(tokens: readonly number[], signal: AbortSignal): Promise<number[][] | undefined>;
  /** The text of which `render` makes tokens. Throws as that does. */
  renderText(request: PromptRequest, signal: AbortSignal): Promise<string>;
  /**
   * Texts that go on with a prompt, each by itself, as tokens; names of special tokens become these. `end`: the tokens and the tail of the
   * prompt. Undefined as above.
   */
  tokenizeBehind(end: PromptEnd, texts: readonly string[], signal: AbortSignal): Promise<TextsBehind | undefined>;
  /** Compiles a grammar in GBNF. Throws `AdapterError` `request_refused` with `param` `grammar` and the reason. */
  tryGrammar(grammar: string, signal: AbortSignal): Promise<void>;
  /** Whether a text of these tokens is the beginning of one of the grammar, which is ingle's own; true where no library at hand can tell. */
  beginsGrammar(grammar: string, tokens: readonly number[], signal: AbortSignal): Promise<boolean>;
  /** Gives back the model's vocabulary. */
  close(): void;
}

export interface PromptEnd {
  /** All of the prompt, or the last of them. */
  tokens: readonly number[];
  /** As in `Prompt`. */
  tail: string;
}

/** `replaced`: so many tokens of the prompt's end are part of each text, since a token may have the end of one and the beginning of the other. */
export interface TextsBehind {
  replaced: number;
  texts: number[][];
}

export interface FillInTokens {
  /** What a sequence begins with, where it begins with anything. */
  start: number | undefined;
  /** Before the text in front of the gap, before the text behind it, and before what fills it. */
  prefix: number;
  suffix: number;
  middle: number;
}

/** The tokens that a sequence begins and ends with, where the model wants them. */
export interface SequenceEnds {
  start?: number;
  end?: number;
}

export interface TextOptions extends TokenizeOptions {
  context_length?: number;
}

export type PromptRequest = Pick<
  ChatRequest,
  "messages" | "continue_final_message" | "tools" | "tool_choice" | "chat_template_kwargs"
>;

/** What is known of a template by rendering it with samples, within its limits. */
export interface TemplateFacts {
  /** Whether rendering the samples stayed within the limits; an engine must not be given a template that did not. */
  bounded: boolean;
  /** Whether answers may hold thoughts between markers that the template knows. */
  thinking: boolean;
  forms: TemplateForms;
  /** Texts around the thoughts of an answer; absent where the template shows none. */
  thoughts?: ThoughtMarkers | undefined;
  /** How answers write calls of tools; absent where the template shows no calls, and where its way is not understood. */
  calls?: CallSyntax | undefined;
}

export interface ThoughtMarkers {
  /** Without white space around them, as all that says nothing of its own. */
  begin: string;
  end: string;
  /** All that stands between thoughts and a text, with its white space: what ends thoughts that have taken too long. */
  close: string;
  /** How an answer without thoughts begins, with its white space, where the prompt says nothing of thoughts. */
  skip: string;
  /** What begins the next part of an answer, where thoughts are a part of their own. */
  next?: string;
  /** What stands before a text and is none of it. */
  text_begins?: string[];
  /** What stands behind a text and is none of it, and what may follow that to the end of the answer. */
  text_end?: { mark: string; rest: string };
}

/** What a template wants its messages to look like. What it does not take, it refuses or drops. */
export interface TemplateForms {
  /** Which messages of the role `system` it shows: the first message of all, one anywhere, or each. */
  system: "none" | "first" | "one" | "any";
  /** It takes the content of a message as a list of parts alone. */
  parts: boolean;
  /** It shows calls of tools in a history, and their answers; where not, they are plain text in the prompt. */
  calls: boolean;
  /** It shows several calls of one message. */
  parallel_calls: boolean;
  /** It takes the arguments of a call as a text, which it shows as it is. */
  text_arguments: boolean;
  /** It takes the arguments of a call as an object. */
  object_arguments: boolean;
  /** Of arguments it shows texts, numbers and truth values alone: others are to be texts of JSON. */
  flat_arguments: boolean;
  /** It shows calls of a message without content alone: an empty text hides them. */
  null_content: boolean;
  /** It refuses ids of calls that do not have nine letters and digits. */
  nine_character_ids: boolean;
  /** Where it looks for what an assistant thought: in one of two fields of a message, or among the parts of its content. */
  thoughts: "reasoning_content" | "thinking" | "part";
  /** It insists on turns of user and assistant. */
  alternates: boolean;
  /** It takes no conversation that begins with an assistant's message. */
  user_first: boolean;
  /** It takes no conversation without a user's message. */
  user_needed: boolean;
}

/**
 * Where no library at hand knows the vocabulary, the engine itself tokenizes: the borders of pieces keep special tokens in messages text.
 * `tail`: the end of the rendered text, behind the last message: whether it opens thoughts is seen there.
 */
export type Prompt = ({ tokens: number[] } | { pieces: string[] }) & { tail: string };
