// The prompts of one loaded model: what is asked of the process, and what clients read where a question ends that.
import { AdapterError } from "../adapter.ts";
import type { ModelPrompts, PromptRequest } from "../prompts.ts";
import type { TemplateSamples } from "./ask-samples.ts";
import { beginningRefused, grammarRefused, REMEDY, tooLong } from "./errors.ts";
import { messageBytes } from "./message-bytes.ts";
import { type PromptProcess, PromptProcessEnd } from "./process.ts";
import { createBatchQuestions } from "./batch-questions.ts";
import type { Answers, PromptQuestion } from "./protocol.ts";
import { createRecentEnds } from "./recent-ends.ts";
import { createTextQuestions } from "./text-questions.ts";

// In milliseconds of computing.
export const RENDER_MS = 2_000;
const TOKENIZE_MS = 10_000;
const GRAMMAR_MS = 300;

interface ModelPromptsOptions {
  /** Of the model. */
  key: number;
  opened: Answers["open"];
  samples: TemplateSamples;
  /** Asks when it is the model's turn. Throws `AdapterError`, and `PromptProcessEnd` where the question ends the process. */
  ask: <T>(signal: AbortSignal, use: (process: PromptProcess) => Promise<T>) => Promise<T>;
  close: () => void;
}

export function createModelPrompts({ key, opened, samples, ask, close }: ModelPromptsOptions): ModelPrompts {
  const { longest_token, vocab_size, fill_in, ends, template: template_digest } = opened;
  const recent_ends = createRecentEnds();
  const { unbounded, ...template } = samples;
  const { forms } = template;

  /** `refusal`: of what ends the process. */
  const askOr = async <T>(
    refusal: (end: PromptProcessEnd) => AdapterError,
    signal: AbortSignal,
    use: (process: PromptProcess) => Promise<T>,
  ): Promise<T> => {
    try {
      return await ask(signal, use);
    } catch (error) {
      throw error instanceof PromptProcessEnd ? refusal(error) : error;
    }
  };

  /** Asks what renders messages, unless they have ended the process not long ago. */
  const askOfMessages = async <T>(
    rendered: PromptRequest,
    signal: AbortSignal,
    use: (process: PromptProcess) => Promise<T>,
  ): Promise<T> => {
    if (unbounded !== undefined) throw stopped(unbounded);
    const refusal = (end: PromptProcessEnd): AdapterError => {
      recent_ends.add(rendered, end);
      return stopped(end);
    };
    return askOr(refusal, signal, async (process) => {
      const end = recent_ends.find(rendered);
      if (end !== undefined) throw stopped(end);
      return use(process);
    });
  };

  const askOfTexts = <Type extends PromptQuestion["type"]>(
    signal: AbortSignal,
    question: Extract<PromptQuestion, { type: Type }>,
  ): Promise<Answers[Type]> => askOr(ended, signal, (process) => process.ask(question, [TOKENIZE_MS]));

  return {
    ...{ template, template_digest, vocab_size, ends, fill_in, close },
    ...createTextQuestions({ key, longest_token, ask: askOfTexts }),
    ...createBatchQuestions({ key, ask: askOfTexts }),
    async render(request, context_length, signal) {
      const most = { tokens: context_length, bytes: context_length * longest_token };
      const bytes = messageBytes(request);
      if (bytes > most.bytes) throw tooLong(Math.floor(bytes / longest_token), most, "some");
      // Each message takes a token at least.
      if (request.messages.length > context_length) throw tooLong(request.messages.length - 1, most, "some");
      const rendered = bare(request);
      const question = { type: "render", model: key, request: rendered, forms, limits: most } as const;
      return askOfMessages(rendered, signal, (process) => process.ask(question, [RENDER_MS, TOKENIZE_MS]));
    },
    async renderText(request, signal) {
      const rendered = bare(request);
      const question = { type: "render_text", model: key, request: rendered, forms } as const;
      return (await askOfMessages(rendered, signal, (process) => process.ask(question, [RENDER_MS]))).text;
    },
    async beginsGrammar(grammar, tokens, signal) {
      const question = { type: "beginning", model: key, grammar, tokens } as const;
      const refusal = (end: PromptProcessEnd) => beginningRefused(why(end));
      return (await askOr(refusal, signal, (process) => process.ask(question, [RENDER_MS]))).fits;
    },
    async tryGrammar(grammar, signal) {
      const refusal = (end: PromptProcessEnd) => grammarRefused(why(end));
      await askOr(refusal, signal, (process) => compileGrammar(process, key, grammar));
    },
  };
}

async function compileGrammar(process: PromptProcess, model: number, grammar: string): Promise<void> {
  try {
    await process.ask({ type: "grammar", model, grammar }, [GRAMMAR_MS]);
  } catch (error) {
    if (error instanceof PromptProcessEnd) throw error;
    // llama.cpp says why on standard error alone, which is another pipe.
    await new Promise((done) => setTimeout(done, REASON_MS));
    const reason = process.lines().find((line) => line.startsWith("parse: "));
    throw reason === undefined ? error : grammarRefused(reason.slice(0, 200).replace(/^parse: (error parsing grammar: )?/, ""));
  }
}

const REASON_MS = 20;

/** What is rendered of a request. */
function bare({
  messages,
  continue_final_message,
  tools,
  tool_choice,
  chat_template_kwargs: kwargs,
}: PromptRequest): PromptRequest {
  return {
    messages,
    ...(continue_final_message !== undefined && { continue_final_message }),
    ...(tools && { tools }),
    ...(tool_choice && { tool_choice }),
    ...(kwargs && { chat_template_kwargs: kwargs }),
  };
}

function stopped(end: PromptProcessEnd): AdapterError {
  return new AdapterError("template_failed", `The model's chat template ${why(end)}. ${REMEDY}`);
}

/** No request is to blame: the text is the beginning of an answer. */
function ended(end: PromptProcessEnd): AdapterError {
  return new AdapterError("engine_unavailable", `The process that makes tokens of texts ${why(end)}. Try again.`);
}

function why({ reason, message }: PromptProcessEnd): string {
  if (reason === "time") return `took ${message} and was stopped`;
  return reason === "memory" ? "took too much memory and was stopped" : `ended its process with ${message}`;
}
