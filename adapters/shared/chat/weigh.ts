// Questions about a conversation, each with the texts that may answer it: how likely the model finds each of them. The conversation stands
// before the questions in every prompt, so that it is read once.
import { AdapterError, type Engine, type Usage, type WeighRequest } from "../../adapter.ts";
import type { TokenRequest } from "../../token-engine.ts";
import { hasImages } from "../message-text.ts";
import { endOfThoughts, thoughtPlace } from "../reasoning/thought-place.ts";
import type { ChatParts } from "./chat.ts";
import { textProbabilities } from "./text-probabilities.ts";

export function createWeigh({ engine, prompts, tokenizer }: ChatParts): NonNullable<Engine["weigh"]> {
  return async function* weigh(request, signal) {
    const usage: Usage = { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 };
    let slot: number | undefined;

    const compare = async (prompt: readonly number[], compared: readonly number[]): Promise<readonly number[]> => {
      const asked = { ...tokenRequest(request, prompt, compared), ...(slot !== undefined && { continues: slot }) };
      for await (const event of engine.generate(asked, signal)) {
        if (event.type !== "finish") continue;
        const { prompt_tokens, cached_tokens } = event.usage;
        // The first prompt counts as a whole, and of the others what was read of them.
        usage.prompt_tokens += slot === undefined ? prompt_tokens : prompt_tokens - cached_tokens;
        if (slot === undefined) usage.cached_tokens = cached_tokens;
        slot = event.slot;
        return event.odds!;
      }
      throw new Error("An engine ended its generation without a finish.");
    };

    refuseImages(request);
    for (const { content, answers } of request.questions) {
      const { prompt, texts } = await withTexts(request, content, answers, signal);
      const probabilities = await textProbabilities(texts, (behind, tokens) => compare([...prompt, ...behind], tokens));
      yield { type: "answer", probabilities };
    }
    yield { type: "finish", usage };
  };

  /** What the prompt of a question and each of its answers have in common, and what follows that in each of them. */
  async function withTexts(
    { messages, chat_template_kwargs }: WeighRequest,
    content: WeighRequest["questions"][number]["content"],
    answers: readonly string[],
    signal: AbortSignal,
  ): Promise<{ prompt: readonly number[]; texts: readonly (readonly number[])[] }> {
    const asked = { messages: [...messages, { role: "user" as const, content }], continue_final_message: false };
    const rendered = { ...asked, ...(chat_template_kwargs && { chat_template_kwargs }) };
    const prompt = await prompts.render(rendered, engine.context_length, signal);
    const { thoughts } = prompts.template;
    const behind_thoughts = thoughts ? endOfThoughts(thoughts, thoughtPlace(asked, prompt.tail, thoughts), false) : "";
    const tokens = await tokenizer.promptTokens(prompt, signal);
    const { replaced, texts } = await tokenizer.goOnBehind(
      { tokens, tail: prompt.tail },
      answers.map((answer) => behind_thoughts + answer),
      signal,
    );
    return { prompt: tokens.slice(0, tokens.length - replaced), texts };
  }
}

function tokenRequest({ cache_scope }: WeighRequest, prompt: readonly number[], compared: readonly number[]): TokenRequest {
  return {
    ...{ prompt, compared, cache_scope, max_tokens: 1, temperature: 1, top_p: 1, top_k: 0, min_p: 0, seed: 0, stop: [] },
    ...{ repeat_penalty: 1, frequency_penalty: 0, presence_penalty: 0, repeatable: false },
  };
}

function refuseImages({ messages, questions }: WeighRequest): void {
  if (!hasImages({ messages }) && !hasImages({ messages: questions })) return;
  throw new AdapterError(
    "request_unsupported",
    "This engine weighs answers to questions about text alone. Leave the images out.",
  );
}
