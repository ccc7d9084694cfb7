// Gives an engine that knows tokens alone the prompts of its requests, which the prompt process renders.
import { AdapterError, type Adapter, type Engine } from "../adapter.ts";
import type { ModelPrompts, Prompts } from "../prompts.ts";

/** `inner` reads the model while its template and vocabulary are read. */
export function withPrompts(inner: Adapter, prompts: Prompts): Adapter {
  return {
    ...inner,
    async load(model, options, signal) {
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      const loading = inner.load(model, options, either);
      const opening = prompts.open(model, either);
      try {
        const [engine, opened] = await Promise.all([loading, opening]);
        return { ...engine, chat: chatWith(engine, opened) };
      } catch (error) {
        failed.abort(error);
        void opening.then(({ close }) => close()).catch(() => {});
        await loading.then((engine) => engine.close()).catch(() => {});
        throw error;
      }
    },
  };
}

function chatWith(engine: Engine, { render, close }: ModelPrompts): Engine["chat"] {
  let death: AdapterError | undefined;
  const watchEngine = async (): Promise<void> => {
    death = await engine.closed;
    close();
  };
  void watchEngine();
  return async function* chat(request, signal) {
    const rendered = await render(request, engine.context_length, signal).catch((error: unknown) => {
      throw death ?? error;
    });
    if ("tokens" in rendered) return yield* engine.chat({ ...request, messages: [], prompt: rendered.tokens }, signal);
    throw new AdapterError("engine_unavailable", "The library that reads the vocabularies of models is not here.");
  };
}
