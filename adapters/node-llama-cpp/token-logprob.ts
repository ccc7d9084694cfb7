// A sampled token with its probability, as OpenAI's API shows it.
import type { TokenLogprob } from "../adapter.ts";
import type { SampledToken } from "./likelihood.ts";
import type { EmbeddedVocabulary } from "./vocabulary.ts";

interface LogprobOptions {
  vocabulary: EmbeddedVocabulary;
  /** Rivals that are shown. */
  top: number;
  /** As `TokenRequest.shown_tokens`. */
  shown_tokens: readonly string[];
}

export function tokenLogprob({ token, likelihood }: SampledToken, options: LogprobOptions): TokenLogprob {
  const { logprob, top } = likelihood!;
  const top_logprobs = top.slice(0, options.top).map(([rival, logprob]) => ({ ...readToken(rival, options), logprob }));
  return { ...readToken(token, options), logprob, top_logprobs };
}

/** A token of a prompt, without its probability. */
export function tokenText(id: number, vocabulary: EmbeddedVocabulary): Pick<TokenLogprob, "token" | "bytes"> {
  return readToken(id, { vocabulary, shown_tokens: [] });
}

/** A token that no text has anything of has its name and no bytes. */
function readToken(id: number, { vocabulary, shown_tokens }: Omit<LogprobOptions, "top">): Pick<TokenLogprob, "token" | "bytes"> {
  const { text, bytes } = vocabulary.piece(id);
  const is_hidden = vocabulary.isEnd(id) || (vocabulary.hidden().has(id) && !shown_tokens.includes(text));
  return { token: text, bytes: is_hidden ? null : bytes };
}
