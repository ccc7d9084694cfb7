// Makes an adapter that chats of one whose engines know tokens alone: the prompt process renders what they read.
import type { Adapter, AdapterError, ChatRequest } from "../../adapter.ts";
import type { ModelPrompts, Prompts } from "../../prompts.ts";
import type { TokenAdapter, TokenEngine } from "../../token-engine.ts";
import { PROMPTED_SYNTAX } from "../tool-calls/prompted-syntax.ts";
import { createChat } from "./chat.ts";
import { templateAbilities } from "./template-abilities.ts";
import { unenforcedKeywords } from "./unenforced.ts";

/** What is known of such an adapter without loading its code. */
export interface ChatAdapterDescription extends Pick<Adapter, "name" | "capabilities"> {
  /** Refuses what the engine cannot honour of a request. Throws `AdapterError`. */
  checkRequest?(request: ChatRequest): void;
}

/** `inner` reads the model while its template and vocabulary are read. */
export function chatAdapter(about: ChatAdapterDescription, inner: TokenAdapter, prompts: Prompts): Adapter {
  const { name, capabilities, checkRequest } = about;
  return {
    ...{ name, capabilities },
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
      const opening = prompts.open(model, either);
      try {
        const [engine, opened] = await Promise.all([loading, opening]);
        const { slots, context_length, closed, close } = engine;
        const template = templateAbilities(opened);
        return { slots, context_length, template, closed, chat: chatUntilDeath(engine, opened), close };
      } catch (error) {
        failed.abort(error);
        void opening.then(({ close }) => close()).catch(() => {});
        await loading.then((engine) => engine.close()).catch(() => {});
        throw error;
      }
    },
  };
}

/** A prompt that cannot be made because the engine is gone fails with the engine's end. */
function chatUntilDeath(engine: TokenEngine, opened: ModelPrompts) {
  let death: AdapterError | undefined;
  const watchEngine = async (): Promise<void> => {
    death = await engine.closed;
    opened.close();
  };
  void watchEngine();
  const render: ModelPrompts["render"] = (...args) =>
    opened.render(...args).catch((error: unknown) => {
      throw death ?? error;
    });
  return createChat(engine, { ...opened, render });
}
