// The text of one answer, token by token: up to a stop string, each piece with the logprobs of its tokens where these are asked for.
import type { TokenLogprob } from "../adapter.ts";
import type { TokenRequest } from "../token-engine.ts";
import { stopFilter } from "../shared/stop-filter.ts";
import { createTokenDecoder } from "./token-decoder.ts";
import type { SampledToken } from "./likelihood.ts";
import { tokenLogprob } from "./token-logprob.ts";
import type { EmbeddedVocabulary } from "./vocabulary.ts";

export interface AnswerPiece extends WholePiece {
  /** The model or a stop string has ended the answer. */
  ended: boolean;
  stopped_by?: string | undefined;
}

interface WholePiece {
  text: string;
  logprobs?: TokenLogprob[];
}

export interface AnswerTextOptions {
  request: TokenRequest;
  vocabulary: EmbeddedVocabulary;
  /** The native call, without special tokens. */
  detokenize: (tokens: readonly number[]) => string;
}

export function createAnswerText({ request, vocabulary, detokenize }: AnswerTextOptions) {
  const { prompt, stop, thoughts, shown_tokens = [], logprobs } = request;
  const decoder = createTokenDecoder(detokenize, prompt);
  const stops = stopFilter(stop, thoughts);
  const shown = shown_tokens.length === 0 ? undefined : vocabulary.hidden();
  const pieces = logprobs && createWholePieces();

  const textOf = (token: number): string => {
    const name = shown?.get(token);
    return name !== undefined && shown_tokens.includes(name) ? decoder.pushShown(token, name) : decoder.push(token);
  };
  return {
    /** `last`: no token comes behind this one. A character that is cut in half there is left out: every text is whole. */
    push(sampled: SampledToken, last: boolean): AnswerPiece {
      const ends = vocabulary.isEnd(sampled.token);
      const text = ends ? decoder.flush() : textOf(sampled.token);
      pieces?.push(text, ends ? undefined : () => tokenLogprob(sampled, { vocabulary, top: logprobs!.top, shown_tokens }));
      const { text: safe, stopped, stopped_by } = stops.push(text);
      const is_over = ends || stopped || last;
      const released = is_over && !stopped ? safe + stops.rest() : safe;
      return { ...(pieces?.release(released, is_over) ?? { text: released }), ended: ends || stopped, stopped_by };
    },
  };
}

/** Texts that are made of whole tokens; only a stop string may cut the last one. */
function createWholePieces() {
  /** Tokens whose text is not released, each with its place in the answer; of those of an incomplete character it is not known. */
  let held: { place?: { begin: number; end: number }; logprob: () => TokenLogprob }[] = [];
  let received = 0;
  let released = 0;
  let waiting = "";

  return {
    /** `logprob`: that of the token; the end of an answer has none. */
    push(text: string, logprob: (() => TokenLogprob) | undefined): void {
      if (logprob) held.push({ logprob });
      const begin = received;
      received += text.length;
      if (text !== "") for (const token of held) token.place ??= { begin, end: received };
    },
    /** `rest`: nothing comes behind the text, so that it may end amid a token. */
    release(text: string, rest: boolean): WholePiece {
      waiting += text;
      const safe = released + waiting.length;
      const whole = held.filter(({ place }) => place && (place.end <= safe || (rest && place.begin < safe)));
      const end = rest ? safe : (whole.at(-1)?.place!.end ?? released);
      held = held.slice(whole.length);
      const piece = waiting.slice(0, end - released);
      waiting = waiting.slice(piece.length);
      released = end;
      return { text: piece, ...(whole.length > 0 && { logprobs: whole.map(({ logprob }) => logprob()) }) };
    },
  };
}
