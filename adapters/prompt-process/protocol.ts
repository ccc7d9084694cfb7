// The messages between the server and the prompt process. The process does one thing at a time, so one request is on its way at most.
import type { TokenizeOptions } from "../completion.ts";
import type { RerankRequest } from "../embedding.ts";
import type { CallSyntax } from "../call-syntax.ts";
import type {
  FillInTokens,
  Prompt,
  PromptEnd,
  PromptRequest,
  SequenceEnds,
  TemplateFacts,
  TemplateForms,
  TextsBehind,
  ThoughtMarkers,
} from "../prompts.ts";
import type { WireError } from "../shared/wire-error.ts";

/** `model` names an open model in the other requests. */
export type PromptQuestion =
  | { type: "open"; model: number; id: string; path: string; prompt_template?: string | undefined }
  /** Renders samples, which show the forms of messages that the template takes; `parts` as in `TemplateForms`. */
  | { type: "sample"; model: number; what: Sample; parts: boolean }
  | { type: "sample_thoughts"; model: number; parts: boolean }
  | { type: "sample_calls"; model: number; forms: TemplateForms; lists_tools: boolean }
  | { type: "render"; model: number; request: PromptRequest; forms: TemplateForms; limits: TokenLimits }
  | { type: "render_text"; model: number; request: PromptRequest; forms: TemplateForms }
  | { type: "tokenize"; model: number; text: string }
  | ({ type: "tokenize_slice"; model: number } & TextSlice)
  | { type: "detokenize"; model: number; tokens: readonly number[] }
  | { type: "token_bytes"; model: number; tokens: readonly number[] }
  | { type: "tokenize_behind"; model: number; end: PromptEnd; texts: readonly string[] }
  | ({ type: "tokenize_texts"; model: number; texts: readonly string[] } & TokenizeOptions)
  | ({ type: "rank_inputs"; model: number } & RerankRequest)
  | { type: "grammar"; model: number; grammar: string }
  | { type: "beginning"; model: number; grammar: string; tokens: readonly number[] };

/** A user's message; messages of all roles; definitions of tools; a history with calls of them. */
export type Sample = "user" | "messages" | "tools" | "calls";

export type ToPromptProcess = (PromptQuestion & { request_id: number }) | { type: "close"; model: number };

export type FromPromptProcess = { request_id: number } & (
  | { type: "answer"; answer: Answer }
  /** The template has been rendered: what follows has a clock of its own. */
  | { type: "rendered" }
  | { type: "error"; error: WireError }
);

/** Bytes of the longest token, and how many tokens there are. */
export interface VocabularySizes {
  longest_token: number;
  vocab_size: number;
}

export interface Answers {
  /** `template`: as `ModelPrompts.template_digest`. */
  open: VocabularySizes & { template: string; ends: SequenceEnds; fill_in: FillInTokens | undefined };
  sample: Partial<TemplateForms & Pick<TemplateFacts, "thinking">>;
  sample_thoughts: { thoughts: ThoughtMarkers | undefined };
  /** `flat_arguments`: as in `TemplateForms`. */
  sample_calls: { calls: CallSyntax | undefined; flat_arguments: boolean };
  render: Prompt;
  render_text: { text: string };
  tokenize: { tokens: number[] | undefined };
  tokenize_slice: SliceTokens | { tokens: undefined };
  detokenize: { text: string | undefined };
  token_bytes: { bytes: number[][] | undefined };
  /** `behind`: undefined as `tokens` is above. */
  tokenize_behind: { behind: TextsBehind | undefined };
  tokenize_texts: { inputs: number[][] | undefined };
  rank_inputs: { inputs: number[][] | undefined };
  grammar: { type: "compiled" };
  beginning: { fits: boolean };
}
export type Answer = Answers[keyof Answers];

/** A part of a text that is tokenized by itself. `inside`: it begins in the middle of a text, and not at a special token. */
export interface TextSlice extends TokenizeOptions {
  text: string;
  first: boolean;
  last: boolean;
  inside: boolean;
}

/** `taken`: characters of the slice that the tokens stand for: all of the last slice. `inside`: as the next slice has it. */
export interface SliceTokens {
  tokens: number[];
  taken: number;
  inside: boolean;
}

/** What can fit into the context of a model. */
export interface TokenLimits {
  tokens: number;
  /** Bytes of UTF-8: no longer text has so few tokens. */
  bytes: number;
}
