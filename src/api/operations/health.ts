// GET /health: whether the server answers, and how many models it has, the last that it knew of where its records cannot be reached; its
// version, and the release of llama.cpp that it was made for.
import type { Model } from "../../../models/manifest.ts";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";

export const healthHandlers = ({ pool, library, store, version, llamaCppRelease }: Deps) => {
  let installed: Model[] = [];
  const listInstalled = async (): Promise<Model[]> => {
    await store.ensureThere();
    return library.list();
  };
  return {
    async getHealth(c) {
      const listed = await listInstalled().catch(() => undefined);
      installed = listed ?? installed;
      const running = installed.filter(({ id }) => pool.state(id) === "running");
      const status = listed !== undefined && store.damaged() === 0 ? "ok" : "degraded";
      return json(c, {
        status,
        version,
        llama_cpp: llamaCppRelease?.(),
        models: { installed: installed.length, running: running.length },
      });
    },
  } satisfies Handlers;
};
