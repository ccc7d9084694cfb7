// The engines between which `--adapter auto` chooses by their speed, and where what is found of that is kept.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describeDeath, describeSpeeds, speedRow, type SpeedRow } from "../../adapters/auto/describe.ts";
import { createKeptSpeeds } from "../../adapters/auto/kept-speeds.ts";
import { createSpeeds, type Speeds } from "../../adapters/auto/speeds.ts";
import { cacheFolder } from "../../adapters/llama-server/build/cached-build.ts";
import type { AdapterContext, RegisteredAdapter } from "../../adapters/registry.ts";
import { availableMemory } from "../../models/machine-memory.ts";
import { processorName } from "../../models/processor.ts";
import type { Log } from "../support/log/log.ts";

/** Bytes that are to be free for an engine with the synthetic model. */
const ROOM = 1e9;

/** Undefined where there is no choice, and where what an engine is made of, or the place of the cache, cannot be found out. */
export function engineSpeeds(
  adapters: readonly RegisteredAdapter[],
  context: AdapterContext,
  log: Pick<Log, "info" | "warn">,
): Speeds | undefined {
  const timed = adapters.flatMap(({ name, timed }) => (timed === undefined ? [] : [{ name, ...timed }]));
  const builds = timed.map(({ name, build }) => [name, build(context)] as const);
  const cache = cacheOf(context.env);
  if (timed.length < 2 || cache === undefined || builds.some(([, build]) => build === undefined)) return undefined;
  const cores = availableParallelism();
  const folder = join(cache, "engine-speeds");
  const speeds: Speeds = createSpeeds({
    adapters: timed.map(({ name, waitings, engines }) => ({ name, waitings, engines: () => engines(context) })),
    kept: createKeptSpeeds(folder, JSON.stringify({ processor: processorName(), cores, builds })),
    ...{ cores, folder },
    hasRoom: () => availableMemory() >= ROOM,
    onDeath: (...death) => log.warn(describeDeath(...death)),
    onComplete: ({ weight_type }) => log.info(describeSpeeds(speedRow(weight_type, speeds.ranking(weight_type)!, speeds.names))),
    log: log.warn,
  });
  return speeds;
}

export const speedRows = (speeds: Speeds | undefined): SpeedRow[] =>
  speeds?.all().map(({ weight_type, ...ranking }) => speedRow(weight_type, ranking, speeds.names)) ?? [];

/** A sentence for each engine that has died while it was timed. */
export const deathNotices = (speeds: Speeds | undefined): string[] =>
  speedRows(speeds).flatMap(({ weight_type, dead }) =>
    dead.map(({ adapter, reason }) => describeDeath(adapter, reason, weight_type)),
  );

function cacheOf(env: AdapterContext["env"]): string | undefined {
  try {
    return cacheFolder(env);
  } catch {
    return undefined;
  }
}
