// Scores of documents, by an engine that knows tokens alone.
import { AdapterError, type Engine } from "../../adapter.ts";
import type { ChatParts } from "../chat/chat.ts";
import { refuseLongText, refuseManyTokens } from "./too-long.ts";

/** Empty where the engine gives no scores. */
export function createRerank({ engine, prompts }: Pick<ChatParts, "engine" | "prompts">): Pick<Engine, "rerank"> {
  const { rank, rankTexts, longest_input: longest } = engine;
  if (longest === undefined || (rank === undefined && rankTexts === undefined)) return {};
  return {
    async *rerank(request, signal) {
      const { query, documents } = request;
      const limitOf = (index: number) => ({ longest, param: `documents[${index}]`, with: " with the query" });
      documents.forEach((document, index) => refuseLongText(query.length + document.length, limitOf(index)));
      const inputs = await prompts.rankInputs(request, signal);
      inputs?.forEach((tokens, index) => refuseManyTokens(tokens.length, limitOf(index)));
      if (rankTexts !== undefined) return yield* rankTexts(request, signal);
      if (inputs !== undefined) return yield* rank!({ inputs }, signal);
      throw new AdapterError("engine_unavailable", "The library that reads the vocabularies of models is not here.");
    },
  };
}
