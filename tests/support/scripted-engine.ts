// A token engine that says what a script has for each generation: a token is a character of its own code, or a name in angle brackets.
import type { ModelPrompts, TemplateFacts } from "../../adapters/prompts.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../adapters/token-engine.ts";
import { stopFilter } from "../../adapters/shared/stop-filter.ts";
import { FORMS } from "./rendered-prompts.ts";

/** What the model would say behind a text, were it not stopped; `choice` is that of the request's answers. */
export type Script = (written: string, request: TokenRequest, choice: number) => string;

/** How likely each of these texts is behind a text. */
export type Odds = (written: string, tokens: string[]) => number[];

const TOKEN = /<[^<>]*>|[^]/g;

export function scriptedEngine(script: Script, { slots = 4, context_length = 1_000, odds = undefined as Odds | undefined } = {}) {
  const requests: TokenRequest[] = [];
  async function* generate(request: TokenRequest, signal: AbortSignal): AsyncGenerator<TokenEvent> {
    requests.push(request);
    for (let choice = 0; choice < (request.choices ?? 1); choice++) {
      const which = request.choices === undefined ? {} : { choice };
      const stops = stopFilter(request.stop, request.thoughts);
      const said = script(textOf(request.prompt), request, choice).match(TOKEN) ?? [];
      let [count, stopped_by]: [number, string | undefined] = [0, undefined];
      for (const token of said.slice(0, request.max_tokens)) {
        await Promise.resolve();
        signal.throwIfAborted();
        count++;
        const released = stops.push(token);
        if (released.text !== "") yield { ...which, type: "text", text: released.text, count };
        stopped_by = released.stopped_by;
        if (released.stopped) break;
      }
      const rest = stops.rest();
      if (rest !== "") yield { ...which, type: "text", text: rest, count };
      const reason: "length" | "stop" = stopped_by === undefined && said.length > request.max_tokens ? "length" : "stop";
      const usage = { prompt_tokens: request.prompt.length, completion_tokens: count, cached_tokens: 0 };
      const { prompt, compared } = request;
      const told =
        compared &&
        odds?.(
          textOf(prompt),
          compared.map((token) => textOf([token])),
        );
      const end = { reason, ...(stopped_by !== undefined && { stopped_by }), ...(told && { odds: told }) };
      yield { ...which, type: "finish", ...end, slot: choice, usage };
    }
  }
  const engine: TokenEngine = {
    ...{ slots, context_length, generate },
    closed: new Promise<undefined>(() => {}),
    close: async () => {},
  };
  return { engine, requests };
}

/** Prompts of messages as they are, each behind its role, and an answer opened by `opening`. */
export function scriptedPrompts(facts: Partial<TemplateFacts> = {}, opening = "assistant:"): ModelPrompts {
  return {
    vocab_size: 1_000,
    template_digest: "",
    template: { bounded: true, thinking: facts.thoughts !== undefined, forms: FORMS, ...facts },
    async render({ messages }) {
      const text = [...messages.map(({ role, content }) => `${role}:${String(content)}\n`), opening].join("");
      return { tokens: tokensOf(text), tail: text };
    },
    tokenize: async (text) => tokensOf(text),
    tokenizeBehind: async (_end, texts) => ({ replaced: 0, texts: texts.map(tokensOf) }),
    tokenizeText: async (text) => tokensOf(text),
    detokenize: async (tokens) => textOf(tokens),
    tokenBytes: async (tokens) => tokens.map((token) => [...Buffer.from(textOf([token]))]),
    ends: {},
    tokenizeTexts: async (texts) => texts.map(tokensOf),
    rankInputs: async ({ query, documents }) => documents.map((document) => tokensOf(query + document)),
    renderText: async ({ messages }) => messages.map(({ role, content }) => `${role}:${String(content)}\n`).join("") + opening,
    tryGrammar: async () => {},
    beginsGrammar: async (_grammar, tokens) => textOf(tokens).startsWith("{"),
    close: () => {},
  };
}

/** Whole texts by number: a token of the script's language may have several characters. */
const names: string[] = [];

function tokensOf(text: string): number[] {
  return (text.match(TOKEN) ?? []).map((token) => {
    if (!names.includes(token)) names.push(token);
    return names.indexOf(token);
  });
}

export const textOf = (tokens: readonly number[]): string => tokens.map((token) => names[token]).join("");
