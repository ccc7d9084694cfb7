// What a completion asks of an engine, in the engine's words, and back: errors and headers say it in the client's.
import type { Adapter, ChatRequest } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import type { PreparedGeneration } from "../generation/answer-generation.ts";
import { inClientsWords, respell, type RespelledRequest } from "../generation/respell.ts";
import type { SentText } from "../generation/sent-texts.ts";
import { type CompletionBody, toCompletionRequest } from "./request.ts";
import { type PromptsEvent, type PromptsRequest, runPrompts } from "./run-prompts.ts";

export interface PreparedCompletion extends PreparedGeneration<PromptsEvent> {
  /** The paths of what is passed over. */
  ignored: string[];
}

interface PrepareCompletionOptions extends Pick<ChatRequest, "cache_scope"> {
  model: Model;
  adapter: Pick<Adapter, "capabilities" | "passedOver">;
  newSeed: () => number;
}

/** Forms of a chat that a completion has not: they are refused by their own names. */
const OF_CHAT = new Set(["functions", "function_call"]);

/** Throws 400 for what the engine would drop, or cannot honour. */
export async function prepareCompletion(
  sent: CompletionBody,
  { model, adapter, newSeed, cache_scope }: PrepareCompletionOptions,
): Promise<PreparedCompletion> {
  const respelled = respell(sent, OF_CHAT);
  const { clientPath } = respelled;
  try {
    const capabilities = adapter.capabilities(model);
    const { prompts, shared, echo, ignored } = toCompletionRequest(
      respelled.request as CompletionBody,
      model,
      capabilities,
      newSeed,
    );
    const asked = { ...shared, cache_scope };
    const unenforced = [...((await adapter.passedOver?.({ ...asked, messages: [] }, model)) ?? [])].map(clientPath);
    const request: PromptsRequest = {
      ...{ prompts, shared: asked, echo, check_first: model.upstream === undefined },
      worded: (error, prompt) => inClientsWords(error, wordsOf(prompt, respelled)),
    };
    return {
      slots: prompts.length * (shared.choices?.count ?? 1),
      ignored: [...ignored.map(clientPath), ...unenforced],
      unenforced,
      answer: (engine, signal, slots) => runPrompts(request, engine, signal, slots),
    };
  } catch (error) {
    throw inClientsWords(error, respelled);
  }
}

/** Engines call what they read a prompt, or messages where they know no better. */
function wordsOf({ path }: SentText, { clientPath }: RespelledRequest): Pick<RespelledRequest, "clientPath"> {
  return {
    clientPath(field) {
      if (field === "messages") return path;
      return /^prompt\b/.test(field) ? path + field.slice("prompt".length) : clientPath(field);
    },
  };
}
