// What is known of the engines' speed, for people and for the API.
import type { ThreadWaiting } from "../load-options.ts";
import type { SpeedRanking } from "./ranking.ts";

/** As GET /v1/ps and `ingle doctor` have it. */
export interface SpeedRow {
  /** As `Model.weight_type`. */
  weight_type: string;
  /** The adapter that runs models with such weights, where it can all that they make possible. */
  taken: string;
  /** The fastest first; empty while they are not all timed. */
  engines: { adapter: string; tokens_per_second: number; threads: number; waiting?: ThreadWaiting | undefined }[];
  /** Those that died while they were timed. */
  dead: { adapter: string; reason: string }[];
}

/** `adapters`: the names of all, in their order. */
export function speedRow(weight_type: string, { engines, dead }: SpeedRanking, adapters: readonly string[]): SpeedRow {
  return {
    weight_type,
    taken: engines[0]?.adapter ?? adapters.find((name) => !dead.has(name)) ?? adapters[0]!,
    engines: engines.map(({ adapter, score, tuning }) => ({
      adapter,
      tokens_per_second: Number(score.toPrecision(4)),
      ...tuning,
    })),
    dead: [...dead].map(([adapter, reason]) => ({ adapter, reason })),
  };
}

/** Which engine is taken for weights of a type, and why. */
export function describeSpeeds({ weight_type, taken, engines, dead }: SpeedRow): string {
  const rates = engines.map((engine) => `${engine.adapter} ${engine.tokens_per_second} tokens/s with ${tuningOf(engine)}`);
  const deaths = dead.map(({ adapter, reason }) => `${adapter} is out, as ${reason}`);
  const untimed = engines.length > 0 ? [] : ["no other was timed"];
  return `${taken} is taken for ${weight_type}: ${[...untimed, ...rates, ...deaths].join(", ")}`;
}

/** A sentence about an engine that has died while it was timed. */
export const describeDeath = (adapter: string, reason: string, weight_type: string): string =>
  `${adapter} is not taken for models of ${weight_type}: ${reason} while it was timed. "ingle doctor --bench" times it anew.`;

function tuningOf({ threads, waiting }: SpeedRow["engines"][number]): string {
  const words = `${threads} thread${threads === 1 ? "" : "s"}`;
  return waiting === undefined ? words : `${words} that wait ${waiting}`;
}
