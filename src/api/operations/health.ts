// GET /health: whether the server answers, and how many models it has; its version, and the release of llama.cpp that it was made for.
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";

export const healthRoutes = ({ pool, library, store, version, llamaCppRelease }: Deps) =>
  new Hono<AppEnv>().get("/", async function getHealth(c) {
    const installed = await library.list();
    const running = installed.filter(({ id }) => pool.state(id) === "running");
    const status = store.damaged() === 0 ? "ok" : "degraded";
    return json(c, {
      status,
      version,
      llama_cpp: llamaCppRelease?.(),
      models: { installed: installed.length, running: running.length },
    });
  });
