// The messages between the server and the prompt process. The process does one thing at a time, so one request is on its way at most.
import type { ModelPrompts, Prompt, PromptRequest } from "../prompts.ts";
import type { WireError } from "../shared/wire-error.ts";

/** `model` names an open model in the other requests. */
export type PromptQuestion =
  | { type: "open"; model: number; id: string; path: string; prompt_template?: string | undefined }
  /** Renders what shows the forms of messages that the template takes. */
  | { type: "sample"; model: number }
  /** Renders tools, or a history with calls of one; `parts` as in `TemplateForms`. */
  | { type: "shows"; model: number; what: "tools" | "calls"; parts: boolean }
  | { type: "render"; model: number; request: PromptRequest; forms: TemplateForms; limits: TokenLimits }
  | { type: "grammar"; model: number; grammar: string };

export type ToPromptProcess = (PromptQuestion & { request_id: number }) | { type: "close"; model: number };

export type FromPromptProcess = { request_id: number } & (
  | { type: "answer"; answer: Answer }
  /** The template has been rendered: what follows has a clock of its own. */
  | { type: "rendered" }
  | { type: "error"; error: WireError }
);

export interface Answers {
  open: { longest_token: number };
  sample: Omit<TemplateForms, "calls"> & Pick<ModelPrompts["template"], "thinking">;
  shows: { shown: boolean };
  render: Prompt;
  grammar: { type: "compiled" };
}
export type Answer = Answers[keyof Answers];

/** What a template wants its messages to look like. */
export interface TemplateForms {
  /** It takes messages of the role `system`. */
  system: boolean;
  /** It takes the content of a message as a list of parts alone. */
  parts: boolean;
  /** It writes calls of tools, and what they answered. */
  calls: boolean;
}

/** What can fit into the context of a model. */
export interface TokenLimits {
  tokens: number;
  /** Bytes of UTF-8: no longer text has so few tokens. */
  bytes: number;
}
