// The server's side of texts as tokens, and back. A long text is asked for in slices: other models' questions come between them.
import type { ModelPrompts } from "../prompts.ts";
import { tooLong } from "./errors.ts";
import type { Answers, PromptQuestion, VocabularySizes } from "./protocol.ts";

/** Characters: a slice takes a fraction of a second. */
const SLICE = 256 * 1024;

/** Texts of up to so many times the context are tokenized to their end, so that the client learns by how much they are too long. */
const COUNTED = 2;

interface TextQuestionsOptions extends Pick<VocabularySizes, "longest_token"> {
  /** Of the model. */
  key: number;
  /** Asks when it is the model's turn. Throws `AdapterError`. */
  ask: <Type extends TextQuestion["type"]>(
    signal: AbortSignal,
    question: Extract<TextQuestion, { type: Type }>,
  ) => Promise<Answers[Type]>;
}

type TextQuestion = Extract<
  PromptQuestion,
  { type: "tokenize" | "tokenize_behind" | "tokenize_slice" | "detokenize" | "token_bytes" }
>;

export function createTextQuestions({
  key,
  ask,
  longest_token,
}: TextQuestionsOptions): Pick<ModelPrompts, "tokenize" | "tokenizeBehind" | "tokenizeText" | "detokenize" | "tokenBytes"> {
  return {
    tokenize: async (text, signal) => (await ask(signal, { type: "tokenize", model: key, text })).tokens,
    async tokenizeBehind({ tokens, tail }, texts, signal) {
      // No token of the tail is without a character.
      const end = { tokens: tokens.slice(Math.max(0, tokens.length - tail.length)), tail };
      return (await ask(signal, { type: "tokenize_behind", model: key, end, texts })).behind;
    },
    async tokenizeText(text, { context_length = Number.POSITIVE_INFINITY, ...options }, signal) {
      const limits = { tokens: context_length };
      const least = Math.floor(Buffer.byteLength(text) / longest_token);
      if (least >= context_length) throw tooLong(least, limits, "some");
      const tokens: number[] = [];
      let [from, inside] = [0, false];
      for (;;) {
        const part = text.slice(from, from + SLICE);
        const last = from + part.length === text.length;
        const slice = { text: part, first: from === 0, last, inside, ...options };
        const answer: Answers["tokenize_slice"] = await ask(signal, { type: "tokenize_slice", model: key, ...slice });
        if (answer.tokens === undefined) return undefined;
        for (const token of answer.tokens) tokens.push(token);
        if (last || tokens.length > COUNTED * context_length) break;
        from += answer.taken;
        inside = answer.inside;
      }
      if (tokens.length < context_length) return tokens;
      throw tooLong(tokens.length, limits, tokens.length > COUNTED * context_length ? "some" : "all");
    },
    tokenBytes: async (tokens, signal) => (await ask(signal, { type: "token_bytes", model: key, tokens })).bytes,
    detokenize: async (tokens, signal) => (await ask(signal, { type: "detokenize", model: key, tokens })).text,
  };
}
