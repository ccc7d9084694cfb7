// `truncation: "auto"`: a conversation that does not fit loses its oldest turns, until it does.
import type { ChatEvent, ChatMessage } from "../../../adapters/adapter.ts";
import type { ContextCounts } from "../../../adapters/error-options.ts";
import { toApiError } from "../../http/errors.ts";
import type { PreparedChat } from "../chat/prepare.ts";
import type { ChatCompletionRequest } from "../chat/request.ts";

/** The part of the context that is kept free for the answer, where the request asks for as much. */
const ANSWER_SHARE = 0.25;

type WholeAnswer = PreparedChat["answer"];

/** Answers as `prepare` does with the whole request, or with as much of it as fits. Throws what that throws where the last turn does not fit. */
export function answerWhatFits(
  request: ChatCompletionRequest,
  first: PreparedChat,
  prepare: (request: ChatCompletionRequest) => Promise<PreparedChat>,
): WholeAnswer {
  return async function* answer(engine, signal, slots): AsyncGenerator<ChatEvent> {
    let { messages } = request;
    for (let prepared = first; ; prepared = await prepare({ ...request, messages })) {
      let begun = false;
      try {
        for await (const event of prepared.answer(engine, signal, slots)) {
          begun = true;
          yield event;
        }
        return;
      } catch (error) {
        const { code, context } = toApiError(error);
        const is_too_long = !begun && code === "context_length_exceeded" && context !== undefined;
        const rest = is_too_long ? withoutOldest(messages, context, prepared.chat.max_tokens) : undefined;
        if (rest === undefined) throw error;
        messages = rest;
      }
    }
  };
}

/** What is left where the oldest turns are dropped, at least one; undefined where there is but one. A turn begins with a user's message. */
export function withoutOldest(
  messages: readonly ChatMessage[],
  { n_prompt_tokens = 0, n_ctx }: ContextCounts,
  max_tokens: number,
): ChatMessage[] | undefined {
  const head = messages.findIndex(({ role }) => role !== "system");
  const begins = messages.flatMap(({ role }, at) => (role === "user" && at > head ? [at] : []));
  const last = begins.at(-1);
  if (head === -1 || last === undefined) return undefined;
  const sizes = messages.map((message) => JSON.stringify(message).length);
  const sum = (from: number, to: number): number => sizes.slice(from, to).reduce((all, size) => all + size, 0);
  const room = n_ctx - Math.min(max_tokens, n_ctx * ANSWER_SHARE);
  const surplus = (1 - room / Math.max(n_prompt_tokens, n_ctx)) * sum(0, messages.length);
  const begin = begins.find((at) => sum(head, at) >= surplus) ?? last;
  return [...messages.slice(0, head), ...messages.slice(begin)];
}
