// The server's side of many texts as tokens: so many of them at once that other models' questions come between.
import type { ModelPrompts } from "../prompts.ts";
import type { Answers, PromptQuestion } from "./protocol.ts";

/** Characters: what the process tokenizes in a fraction of a second. */
const BATCH = 128 * 1024;

type BatchQuestion = Extract<PromptQuestion, { type: "tokenize_texts" | "rank_inputs" }>;

interface BatchQuestionsOptions {
  /** Of the model. */
  key: number;
  /** Asks when it is the model's turn. Throws `AdapterError`. */
  ask: <Type extends BatchQuestion["type"]>(
    signal: AbortSignal,
    question: Extract<BatchQuestion, { type: Type }>,
  ) => Promise<Answers[Type]>;
}

export function createBatchQuestions({ key, ask }: BatchQuestionsOptions): Pick<ModelPrompts, "tokenizeTexts" | "rankInputs"> {
  return {
    async tokenizeTexts(texts, options, signal) {
      const inputs: number[][] = [];
      for (const batch of batchesOf(texts)) {
        const answer = await ask(signal, { type: "tokenize_texts", model: key, texts: batch, ...options });
        if (answer.inputs === undefined) return undefined;
        inputs.push(...answer.inputs);
      }
      return inputs;
    },
    async rankInputs({ query, documents }, signal) {
      const inputs: number[][] = [];
      for (const batch of batchesOf(documents, query.length)) {
        const answer = await ask(signal, { type: "rank_inputs", model: key, query, documents: batch });
        if (answer.inputs === undefined) return undefined;
        inputs.push(...answer.inputs);
      }
      return inputs;
    },
  };
}

/** `beside`: characters that each text comes with. */
function* batchesOf(texts: readonly string[], beside = 0): Generator<string[]> {
  let [batch, size]: [string[], number] = [[], 0];
  for (const text of texts) {
    if (batch.length > 0 && size + text.length + beside > BATCH) {
      yield batch;
      [batch, size] = [[], 0];
    }
    batch.push(text);
    size += text.length + beside;
  }
  if (batch.length > 0) yield batch;
}
