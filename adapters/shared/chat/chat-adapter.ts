// Makes an adapter that chats of one whose engines know tokens alone: the prompt process renders what they read.
import type { Adapter, AdapterError, ChatRequest, Engine } from "../../adapter.ts";
import type { InstalledModel } from "../../../models/manifest.ts";
import { writesText } from "../../../models/tasks.ts";
import type { ModelPrompts, Prompts } from "../../prompts.ts";
import type { TokenAdapter, TokenEngine } from "../../token-engine.ts";
import { PROMPTED_SYNTAX } from "../tool-calls/prompted-syntax.ts";
import { createEmbed } from "../embeddings/embed-texts.ts";
import { createRerank } from "../embeddings/rerank-documents.ts";
import { createComplete } from "../completion/complete.ts";
import { chatParts, createChat } from "./chat.ts";
import { createPromptCalls } from "./prompt-calls.ts";
import { templateAbilities } from "./template-abilities.ts";
import { unenforcedKeywords } from "./unenforced.ts";
import { createWeigh } from "./weigh.ts";

/** What is known of such an adapter without loading its code. */
export interface ChatAdapterDescription extends Pick<Adapter, "name" | "capabilities" | "options"> {
  /** Refuses what the engine cannot honour of a request. Throws `AdapterError`. */
  checkRequest?(request: ChatRequest): void;
}

/** `inner` reads the model while its template and vocabulary are read. */
export function chatAdapter(about: ChatAdapterDescription, inner: TokenAdapter, prompts: Prompts): Adapter {
  const { name, capabilities, options, checkRequest } = about;
  return {
    ...{ name, capabilities, options },
    async passedOver(request, { template_abilities }) {
      checkRequest?.(request);
      const digest = request.tools && template_abilities?.template;
      const template = digest === undefined ? undefined : await prompts.knownTemplate(digest);
      return unenforcedKeywords(request, template?.calls ?? PROMPTED_SYNTAX);
    },
    async templateAbilities(model, signal) {
      const opened = await prompts.open(model, signal);
      opened.close();
      return templateAbilities(opened);
    },
    async load(model, options, signal) {
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      const loading = inner.load(model, options, either);
      const writes = writesText(model);
      const opening = prompts.open(writes ? model : withoutTemplate(model), either);
      try {
        const [engine, opened] = await Promise.all([loading, opening]);
        const { slots, context_length, closed, close } = engine;
        const template = writes ? { template: templateAbilities(opened) } : {};
        return { slots, context_length, ...template, closed, close, ...callsOf(engine, opened) };
      } catch (error) {
        failed.abort(error);
        void opening.then(({ close }) => close()).catch(() => {});
        await loading.then((engine) => engine.close()).catch(() => {});
        throw error;
      }
    },
  };
}

/** A model that nobody chats with: whatever the template in its file is, that does no harm. */
const withoutTemplate = (model: InstalledModel): InstalledModel => ({ ...model, settings: { prompt_template: "{prompt}" } });

type EngineCalls = Omit<Engine, "slots" | "context_length" | "template" | "closed" | "close">;

function callsOf(engine: TokenEngine, opened: ModelPrompts): EngineCalls {
  const parts = chatParts(engine, untilDeath(engine, opened));
  const { tokenize, detokenize, tokenBytes } = parts.tokenizer;
  const generations = { chat: createChat(parts), weigh: createWeigh(parts), complete: createComplete(parts) };
  const texts = { tokenize, detokenize, tokenBytes, ...createPromptCalls(parts) };
  return { ...generations, ...texts, ...createEmbed(parts), ...createRerank(parts) };
}

/** What cannot be asked of the prompts because the engine is gone fails with the engine's end. */
function untilDeath(engine: TokenEngine, opened: ModelPrompts): ModelPrompts {
  let death: AdapterError | undefined;
  const watchEngine = async (): Promise<void> => {
    death = await engine.closed;
    opened.close();
  };
  void watchEngine();
  const orDeath = <Call extends (...args: never[]) => Promise<unknown>>(call: Call): Call =>
    ((...args) =>
      call(...args).catch((error: unknown) => {
        throw death ?? error;
      })) as Call;
  const { render, renderText, tokenizeText, tokenizeTexts, rankInputs, detokenize, tokenBytes } = opened;
  const calls = {
    render: orDeath(render),
    renderText: orDeath(renderText),
    detokenize: orDeath(detokenize),
    tokenBytes: orDeath(tokenBytes),
  };
  const texts = { tokenizeText: orDeath(tokenizeText), tokenizeTexts: orDeath(tokenizeTexts), rankInputs: orDeath(rankInputs) };
  return { ...opened, ...calls, ...texts };
}
