// One generation behind tokens, in slots that are chosen for it.
import { BrokenAnswer } from "../shared/openai-stream/answer-events.ts";
import type { TokenEvent, TokenRequest } from "../token-engine.ts";
import { createLogprobCompletion, parseRanking, rankingBody, type RankedToken } from "./all-logprobs.ts";
import { type AnswerReader, createAnswerReader, type ReadingSlot } from "./answer-reader.ts";
import { toAdapterError } from "./errors.ts";
import { rankedOdds } from "./compared-tokens.ts";
import { createIgnoreEos } from "./ignore-eos.ts";
import { openAnswer } from "./open-answer.ts";
import { readFrames } from "./read-frames.ts";
import { completionBody, type LlamaServerModel, trimLogprobs } from "./request-body.ts";
import type { AnswerWatch, AnswerWatchOptions } from "./watched-answer.ts";

export interface TokenGenerationOptions extends Pick<AnswerWatchOptions, "id" | "client" | "watchdog"> {
  watch: AnswerWatch;
  model: LlamaServerModel;
}

/** Which slot a generation takes, and whether what that holds is compared with the prompt; in llama-server's words. */
export interface SlotUse {
  id_slot: number;
  cache_prompt: boolean;
}

/** What whoever chooses the slots knows of a generation, and is told of it. */
export interface PlacedGeneration extends Pick<SlotUse, "id_slot"> {
  /** Of each answer, filled in as its frames come. */
  answers: readonly AnswerReader[];
  /** Called right before the request is sent. Answers with its `cache_prompt`. */
  onSend(signal: AbortSignal): Promise<boolean>;
  /** llama-server has taken the request. Answers with the slot of each answer. */
  onTaken(): Promise<readonly number[]>;
  /** Does the work while the slot of that answer is still its own; undefined where it is not. */
  inOwnSlot<T>(slot: number, work: () => Promise<T>): Promise<T | undefined>;
}

export type GenerateInSlot = (request: TokenRequest, signal: AbortSignal, placed: PlacedGeneration) => AsyncGenerator<TokenEvent>;

export const createAnswers = (request: TokenRequest, slot: ReadingSlot): AnswerReader[] => {
  const { choices } = request;
  if (choices === undefined) return [createAnswerReader(request, slot)];
  return Array.from({ length: choices }, (_, choice) => createAnswerReader(request, slot, choice));
};

/** Requests are checked before, by `checkedSampling`. */
export function createGeneration({ id, client, watchdog, watch, model }: TokenGenerationOptions): GenerateInSlot {
  const withIgnoreEos = createIgnoreEos(client);
  return (request, signal, placed) => {
    const begin = async (stop: AbortSignal) => {
      const { id_slot, onSend } = placed;
      const sent = await withIgnoreEos(request, id_slot, stop);
      const cache_prompt = await onSend(stop);
      const body = { ...completionBody(sent, model), id_slot, cache_prompt };
      return read(await openAnswer({ client, watchdog }, "/completion", body, stop), request, placed, stop);
    };
    return watch<TokenEvent>(
      {
        begin,
        count: placed.answers.length,
        // A stop string ends an answer before llama-server knows of it.
        ends_early: request.stop.length > 0,
        errorOf: ({ body, status }) => toAdapterError(body, status, { id, grammar: request.grammar !== undefined }),
      },
      signal,
    );
  };

  async function* read(
    response: AsyncIterable<Uint8Array>,
    request: TokenRequest,
    { answers, onTaken, inOwnSlot }: PlacedGeneration,
    stop: AbortSignal,
  ): AsyncGenerator<TokenEvent, void, undefined> {
    const slots = await onTaken();
    /** By answer: what waits for logprobs that the stream does not have, and what follows that. */
    const held = answers.map((): TokenEvent[] => []);
    const isIncomplete = ({ unreported }: AnswerReader, event: TokenEvent): boolean =>
      lacksOdds(request, event) || (event.type === "text" && (event.logprobs?.some((token) => unreported.has(token)) ?? false));
    for await (const frames of readFrames(response)) {
      watchdog.touch();
      for (const frame of frames) {
        const answer = answers[frame.index];
        if (answer === undefined) throw new BrokenAnswer(`There is no answer ${frame.index}.`);
        const waiting = held[frame.index]!;
        for (const event of answer.push(frame, slots[frame.index]!)) {
          if (waiting.length > 0 || isIncomplete(answer, event)) waiting.push(event);
          else yield trimLogprobs(event, request);
        }
      }
      if (answers.every(({ ended }) => ended !== undefined)) break;
    }
    if (answers.some(({ ended }) => ended === undefined)) throw new BrokenAnswer("The answer ended before its end.");
    for (const [index, events] of held.entries()) {
      const answer = answers[index]!;
      const ask = (tokens: number[], count: number): Promise<RankedToken[] | undefined> =>
        inOwnSlot(slots[index]!, async () => {
          const body = { ...rankingBody([...request.prompt, ...tokens], count), id_slot: slots[index] };
          const ranking = parseRanking(await client.postJson("/completion", body, stop));
          watchdog.touch();
          return ranking;
        });
      const complete = createLogprobCompletion({ answer, ask, vocab_size: model.vocab_size });
      for (const event of events) {
        if (lacksOdds(request, event)) {
          const odds = await rankedOdds(request.compared!, (count) => ask([], count), model);
          yield { ...event, odds };
        } else if (event.type !== "text" || event.logprobs === undefined) yield event;
        else yield trimLogprobs({ ...event, logprobs: await complete(event.logprobs) }, request);
      }
    }
  }
}

/** Where no frame had a report of the token. */
const lacksOdds = ({ compared }: TokenRequest, event: TokenEvent): event is FinishEvent =>
  compared !== undefined && event.type === "finish" && event.odds === undefined;

type FinishEvent = Extract<TokenEvent, { type: "finish" }>;
