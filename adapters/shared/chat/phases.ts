// The phases in which one answer is generated. Each goes on behind what was generated and forced so far, in the slot that has read it.
import type { Usage } from "../../adapter.ts";
import type { TokenEngine, TokenEvent, TokenRequest } from "../../token-engine.ts";

export type Generate = TokenEngine["generate"];
export type PhaseEnd = Pick<Extract<TokenEvent, { type: "finish" }>, "reason" | "stopped_by">;
export type TextPiece = Extract<TokenEvent, { type: "text" }>;
type PhaseEvent = Exclude<TokenEvent, { type: "finish" }>;

export interface PhasesOptions {
  /** Tokens of a slot. */
  context_length: number;
  /** The first phase begins behind its prompt; its `max_tokens` bound the whole answer. */
  request: TokenRequest;
  generate: Generate;
  /** A text that goes on with the prompt, as tokens. */
  tokenize: (text: string, signal: AbortSignal) => Promise<readonly number[]>;
  signal: AbortSignal;
}

export type Phases = ReturnType<typeof createPhases>;

export function createPhases({ request, context_length, generate, tokenize, signal }: PhasesOptions) {
  const usage: Usage = { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 };
  /** What stands behind the prompt: generated and forced. */
  let written = "";
  let slot: number | undefined;
  let before = { written, tokens: 0 };

  return {
    usage: usage as Readonly<Usage>,
    /** Tokens that the answer may still have. */
    left: (): number => request.max_tokens - usage.completion_tokens,
    /** Puts a text behind what was written, as if the model had said it. */
    force(text: string): void {
      written += text;
    },
    /** The last phase was no part of the answer. */
    forget(): void {
      written = before.written;
      usage.completion_tokens = before.tokens;
    },
    /** The next phase, under its own settings. Throws what the engine throws. */
    async *next(settings: Partial<TokenRequest>): AsyncGenerator<PhaseEvent, PhaseEnd> {
      const first = slot === undefined;
      before = { written, tokens: usage.completion_tokens };
      const left = request.max_tokens - usage.completion_tokens;
      const behind = written === "" ? [] : await tokenize(written, signal);
      if (!first && request.prompt.length + behind.length + 1 >= context_length) return { reason: "length" };
      const phase = {
        ...request,
        ...settings,
        prompt: [...request.prompt, ...behind],
        max_tokens: Math.min(settings.max_tokens ?? left, left),
        ...(slot !== undefined && { continues: slot }),
        ...(behind.length > 0 && { answered: behind.length }),
      };
      for await (const event of generate(phase, signal)) {
        if (event.type === "text") {
          written += event.text;
          yield event.count === undefined ? event : { ...event, count: before.tokens + event.count };
        }
        if (event.type === "prompt" && first) yield event;
        if (event.type !== "finish") continue;
        slot = event.slot;
        usage.completion_tokens += event.usage.completion_tokens;
        if (first) ({ prompt_tokens: usage.prompt_tokens, cached_tokens: usage.cached_tokens } = event.usage);
        return event;
      }
      throw new Error("An engine ended its generation without a finish.");
    },
  };
}
