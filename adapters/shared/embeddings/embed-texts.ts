// Vectors of texts, by an engine that knows tokens alone.
import { AdapterError, type Engine } from "../../adapter.ts";
import type { EmbedRequest } from "../../embedding.ts";
import type { SequenceEnds } from "../../prompts.ts";
import type { ChatParts } from "../chat/chat.ts";
import { checkTokens } from "../check-tokens.ts";
import { refuseLongText, refuseManyTokens } from "./too-long.ts";
import { normalize } from "./vector.ts";

/** Names of special tokens in a text are text, as in messages. */
const OPTIONS = { add_special: true, parse_special: false };

/** Empty where the engine makes no vectors. */
export function createEmbed(parts: ChatParts): Pick<Engine, "embed"> {
  const { embed, longest_input: longest } = parts.engine;
  if (embed === undefined || longest === undefined) return {};
  return {
    async *embed({ inputs, dimensions }, signal) {
      const tokens = await tokensOf(inputs, longest, parts, signal);
      for await (const event of embed({ inputs: tokens }, signal)) {
        const cut = event.type === "embedding" && dimensions !== undefined && dimensions < event.vector.length;
        yield cut ? { ...event, vector: normalize(event.vector.subarray(0, dimensions))! } : event;
      }
    },
  };
}

/** All of them before the engine gets the first: a request with one text that is too long costs no work. */
async function tokensOf(
  inputs: EmbedRequest["inputs"],
  longest: number,
  parts: ChatParts,
  signal: AbortSignal,
): Promise<number[][]> {
  const { prompts } = parts;
  const paramOf = (index: number): string => `input[${index}]`;
  inputs.forEach((input, index) => {
    if (typeof input !== "string") checkTokens(input, prompts.vocab_size, paramOf(index));
    else refuseLongText(input.length, { longest, param: paramOf(index) });
  });
  const texts = await tokenizeAll(
    inputs.filter((input) => typeof input === "string"),
    parts,
    signal,
  );
  const ends = texts.length === inputs.length ? {} : await endsOf(parts, signal);
  let next = 0;
  return inputs.map((input, index) => {
    const tokens = typeof input === "string" ? texts[next++]! : withEnds(input, ends);
    if (tokens.length === 0) throw noTokens(paramOf(index));
    refuseManyTokens(tokens.length, { longest, param: paramOf(index) });
    return tokens;
  });
}

async function tokenizeAll(texts: string[], { prompts, tokenizer }: ChatParts, signal: AbortSignal): Promise<number[][]> {
  if (texts.length === 0) return [];
  const known = await prompts.tokenizeTexts(texts, OPTIONS, signal);
  return known ?? Promise.all(texts.map((text) => tokenizer.tokenize(text, OPTIONS, signal)));
}

/** Where no library at hand knows the vocabulary, the engine's own texts show it. */
async function endsOf({ prompts, tokenizer }: ChatParts, signal: AbortSignal): Promise<SequenceEnds> {
  const { start, end } = prompts.ends;
  if (start !== undefined || end !== undefined) return prompts.ends;
  const [none, some] = await Promise.all(["", "a"].map((text) => tokenizer.tokenize(text, OPTIONS, signal)));
  const begins = none![0] !== undefined && none![0] === some![0];
  const ends = none!.length > (begins ? 1 : 0) && none!.at(-1) === some!.at(-1);
  return { ...(begins && { start: none![0]! }), ...(ends && { end: none!.at(-1)! }) };
}

function withEnds(tokens: readonly number[], { start, end }: SequenceEnds): number[] {
  const begun = start === undefined || tokens[0] === start ? tokens : [start, ...tokens];
  return end === undefined || tokens.at(-1) === end ? [...begun] : [...begun, end];
}

function noTokens(param: string): AdapterError {
  return new AdapterError("request_refused", `"${param}" has nothing that the model knows as text. Leave it out.`, { param });
}
