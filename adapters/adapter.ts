// What runs a model, and what a running model can be asked. Types and one error class: nothing here does anything.
import type { InstalledModel } from "../models/model.ts";

/** Loads models: one implementation a file in this folder. */
export interface Adapter {
  readonly name: string;
  /**
   * Loads a model and answers with an engine that is ready for its first turn.
   * Throws `AdapterError` `model_load_failed` when the file cannot be loaded, and the signal's reason when aborted.
   */
  load(model: InstalledModel, options: LoadOptions, signal: AbortSignal): Promise<Engine>;
}

export interface LoadOptions {
  /** Threads for the computation; absent: as many as the adapter finds best here. */
  threads?: number | undefined;
  /** Turns that run side by side, at least 1. */
  slots: number;
  /** Tokens one slot holds, prompt and answer together; the engine takes less where the model was trained on less. */
  context: number;
  /** Called now and then while the load makes progress; `done` from 0 to 1. */
  onProgress?: (done: number) => void;
}

/** One loaded model. At most `slots` chats run at a time: whoever calls keeps the count. */
export interface Engine {
  /** The slots it really has. */
  readonly slots: number;
  /** Tokens one slot holds, prompt and answer together. */
  readonly context_length: number;
  /** Settles when the engine is gone: with nothing after `close()`, with the reason when it died. Never rejects. */
  readonly closed: Promise<AdapterError | undefined>;
  /**
   * One turn: perhaps `prompt` events, then `text` events, then exactly one `finish`. Leaving the iteration or aborting frees the slot within one token or
   * one prompt batch; an aborted turn throws the signal's reason. Throws `AdapterError`.
   */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
  /** Stops running turns and gives back memory and processes. Safe to call twice. */
  close(): Promise<void>;
}

/** What an engine is asked: the wire's names, with every default already filled in. */
export interface ChatRequest {
  messages: ChatMessage[];
  /** Tokens of the answer, at least 1; the context bounds it. */
  max_tokens: number;
  /** 0 is greedy. */
  temperature: number;
  /** 0 is greedy, 1 is off. */
  top_p: number;
  /** 0 is off. */
  top_k: number;
  /** 0 is off. */
  min_p: number;
  /** 1 is off. Over the answer so far, as the other two penalties. */
  repeat_penalty: number;
  frequency_penalty: number;
  presence_penalty: number;
  /** Never empty strings; none of them appears in the answer. */
  stop: string[];
  /** Of 32 bits. */
  seed: number;
  /** The same request on an idle engine shall give the same answer: work of earlier turns is reused only where that holds. */
  repeatable: boolean;
}

export interface ChatMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: string;
}

export type ChatEvent =
  /** The prompt is read so far; in tokens. Only long prompts send it, so that a long silence means trouble. */
  | { type: "prompt"; read: number; total: number }
  | { type: "text"; text: string }
  | { type: "finish"; reason: "stop" | "length"; usage: Usage };

/** In tokens. */
export interface Usage {
  /** All that was fed, the cached ones included. */
  prompt_tokens: number;
  /** All that was produced, an end-of-answer token included. */
  completion_tokens: number;
  /** The part of the prompt that a slot still held from an earlier turn. */
  cached_tokens: number;
}

export type AdapterErrorCode =
  | "context_length_exceeded"
  | "engine_crashed"
  | "engine_timeout"
  | "engine_unavailable"
  | "messages_refused"
  | "model_load_failed"
  | "template_failed";

/** What an adapter throws when a model or an engine, not the caller's code, is at fault. The message is for the user. */
export class AdapterError extends Error {
  override readonly name = "AdapterError";
  readonly code: AdapterErrorCode;

  constructor(code: AdapterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
