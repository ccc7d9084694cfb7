// Handlers whose code is imported behind the start of a server, or by their first request: a server listens sooner without it.
import type { Context, Handler, Next } from "hono";
import type { Deps } from "./deps.ts";
import type { AppEnv } from "../http/app-env.ts";
import { onceDone } from "../support/once-done.ts";

export type Handlers = Record<string, Handler<AppEnv>>;

/** `load` imports and makes the handlers of a resource, once; the function that it answers makes a route's handler of each name. */
export type Lazily = <H extends Handlers>(load: (deps: Deps) => Promise<H>) => (name: keyof H & string) => Handler<AppEnv>;

export interface LazyHandlers {
  lazily: Lazily;
  /** Of a route that is alone in its module. */
  handler(load: (deps: Deps) => Promise<Handler<AppEnv>>): Handler<AppEnv>;
  /** Imports them all. */
  load(): Promise<void>;
}

/** `loadDeps` is called by the first request for any of them. A load that has failed is tried again by the next request. */
export function lazyHandlers(loadDeps: () => Promise<Deps>): LazyHandlers {
  const loads: (() => Promise<unknown>)[] = [];
  const lazily: Lazily = (load) => {
    let loaded: Handlers | undefined;
    const loadOnce = onceDone(async () => (loaded = (await load(await loadDeps())) as Handlers));
    loads.push(loadOnce);
    // Without a promise once they are there, as a cached thread is answered.
    return (name) => (c: Context<AppEnv>, next: Next) =>
      loaded === undefined ? loadOnce().then((handlers) => handlers[name]!(c, next)) : loaded[name]!(c, next);
  };
  return {
    lazily,
    handler: (load) => lazily(async (deps) => ({ answer: await load(deps) }))("answer"),
    async load() {
      // One after the other: requests are answered between them.
      for (const load of loads) await load();
    },
  };
}
