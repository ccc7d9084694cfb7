// What other servers say of a prompt that is too long: the sentences of vLLM, SGLang, TGI, LM Studio, llama-server, OpenAI, OpenRouter,
// Mistral, Anthropic and others, of which few have a code or the counts in fields.
import type { ContextCounts } from "../error-options.ts";

const CODES = /\b(?:context_length_exceeded|exceed_context_size_error|context_window_exceeded)\b/;

/** llama-server answers 500 where a text whose vector it makes in one step has more tokens than that. */
export const TOO_LARGE_A_STEP = /input \(\d+ tokens\) is too large to process/;

/** Each is of a prompt, or of a prompt and an answer, that the context does not hold. */
const SENTENCES = [
  /maximum context length/i,
  /context length exceeded|context size (?:has been )?exceeded/i,
  /longer than the (?:maximum model length|model's context length)/i,
  /exceeds? the (?:available context size|context window)/i,
  /`inputs` tokens \+ `max_new_tokens` must be/i,
  /loaded with context length of only/i,
  /prompt is too long: \d/i,
  /input tokens exceed the configured limit/i,
  TOO_LARGE_A_STEP,
];

/** Tokens, with a comma or an underscore between thousands where a server writes them so. */
const COUNT = "(\\d{1,3}(?:[,_]\\d{3})+|\\d{1,9})";

const HOLDS = [
  `(?:maximum context length|maximum model length|context length) (?:is|of)(?: only)? ${COUNT}`,
  `model's context length \\(${COUNT}`,
  `available context size \\(${COUNT}`,
  `${COUNT} (?:tokens )?maximum`,
  `\`max_new_tokens\` must be <= ${COUNT}`,
  `configured limit of ${COUNT}`,
  `current batch size: ${COUNT}`,
].map(sentencePart);

const PROMPT = [
  `(?:messages resulted in|prompt contains(?: at least)?|request has|prompt is too long:|keep the first) ${COUNT}`,
  `(?:prompt \\(length|request \\(|input \\()\\s?${COUNT}`,
  `${COUNT} (?:tokens )?(?:in|from|of) (?:the |text )?(?:input )?(?:messages|input|prompt)`,
  `given: ${COUNT} \`inputs\``,
].map(sentencePart);

function sentencePart(pattern: string): RegExp {
  return new RegExp(pattern, "i");
}

/** Whether an error is about a prompt that is too long; `kinds` are the error's type and code. */
export const isContextExceeded = (kinds: string, message: string): boolean =>
  CODES.test(kinds) || SENTENCES.some((sentence) => sentence.test(message));

/** From llama-server's fields, else from the sentence; undefined where neither says what the context holds. */
export function contextCounts({ n_prompt_tokens, n_ctx }: Record<string, unknown>, message: string): ContextCounts | undefined {
  const context = typeof n_ctx === "number" ? n_ctx : firstCount(HOLDS, message);
  const prompt = typeof n_prompt_tokens === "number" ? n_prompt_tokens : firstCount(PROMPT, message);
  return context === undefined ? undefined : { ...(prompt !== undefined && { n_prompt_tokens: prompt }), n_ctx: context };
}

function firstCount(patterns: readonly RegExp[], message: string): number | undefined {
  const digits = patterns.map((pattern) => pattern.exec(message)?.[1]).find((count) => count !== undefined);
  return digits === undefined ? undefined : Number(digits.replaceAll(/[,_]/g, ""));
}
