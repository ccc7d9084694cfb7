// What every request to the servers of a model has in common: where they are, what the model is called there, and the key.
import type { InstalledModel, Upstream } from "../../models/manifest.ts";
import { AdapterError } from "../adapter.ts";
import type { Asked } from "./errors.ts";
import type { Server } from "./server-pool.ts";
import type { Limits } from "./http-request.ts";

type Env = Record<string, string | undefined>;

const SLOTS = 16;

/** Turns at a time of a model that others run; undefined for one that has files here. */
export function slotsOfUpstream({ upstream }: Pick<InstalledModel, "upstream">): number | undefined {
  return upstream && (upstream.slots ?? SLOTS) * upstream.urls.length;
}

export interface Line extends Required<Pick<Upstream, "urls" | "model" | "slots">> {
  key: string | undefined;
  limits: Limits;
  asked(server: Server): Asked;
}

/** Throws `AdapterError` `engine_unavailable` where the key is missing on this machine. */
export function lineTo({ id, upstream }: InstalledModel, env: Env, limits: Limits): Line {
  if (upstream === undefined) throw new AdapterError("model_load_failed", `Model "${id}" names no server that runs it.`);
  const { urls, model = id, slots = SLOTS, key_env } = upstream;
  return {
    ...{ urls, model, slots, limits },
    key: key_env === undefined ? undefined : keyOf(key_env, env),
    asked: ({ host }) => ({ host, model, key_env }),
  };
}

function keyOf(name: string, env: Env): string {
  const key = env[name]?.trim() ?? "";
  if (key === "")
    throw new AdapterError(
      "engine_unavailable",
      `The environment variable ${name} is to hold the key of the servers, and is not set.`,
    );
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new AdapterError("engine_unavailable", `The key in ${name} holds a character that no header can carry.`);
}
