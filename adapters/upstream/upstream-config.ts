// What all requests to the servers of a model have in common: the addresses, the model's name there, the key.
import type { InstalledModel, Upstream } from "../../models/manifest.ts";
import { type Proxies, readProxies } from "../../models/network/proxies.ts";
import { AdapterError } from "../adapter.ts";
import type { UpstreamTarget } from "./errors.ts";
import type { UpstreamTimeouts } from "./http-request.ts";
import type { PoolServer } from "./server-pool.ts";

const SLOTS = 16;

/** Generations at a time of a model that other servers run; undefined for one that has files here. */
export function slotsOfUpstream({ upstream }: Pick<InstalledModel, "upstream">): number | undefined {
  return upstream && (upstream.slots ?? SLOTS) * upstream.urls.length;
}

export interface UpstreamConfig extends Required<Pick<Upstream, "urls" | "model" | "slots">> {
  key: string | undefined;
  timeouts: UpstreamTimeouts;
  proxies: Proxies | undefined;
  targetOf(server: PoolServer): UpstreamTarget;
}

/** Throws `AdapterError` `engine_unavailable` where the key is missing on this machine. */
export function upstreamConfigOf(
  { id, upstream }: InstalledModel,
  env: Record<string, string | undefined>,
  timeouts: UpstreamTimeouts,
): UpstreamConfig {
  if (upstream === undefined) throw new AdapterError("model_load_failed", `Model "${id}" names no server that runs it.`);
  const { urls, model = id, slots = SLOTS, key_env } = upstream;
  return {
    ...{ urls, model, slots, timeouts },
    proxies: readProxies(env),
    key: key_env === undefined ? undefined : readKey(key_env, env),
    targetOf: ({ host }) => ({ host, model, key_env }),
  };
}

function readKey(name: string, env: Record<string, string | undefined>): string {
  const key = env[name]?.trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  const unset = `The environment variable ${name} is to hold the key of the servers, and is not set.`;
  const unfit = `The key in ${name} holds a character that no header can carry.`;
  const public_message = "This server has no key that it could send to the servers of the model. Its log says why.";
  throw new AdapterError("engine_unavailable", key === "" ? unset : unfit, { public_message, lasting: true });
}
