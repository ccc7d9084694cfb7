// The speed of this machine's engines: what is known of it, and what is still to be timed.
import type { KeptSpeeds } from "./kept-speeds.ts";
import type { measure, MeasurementOptions } from "./measurement.ts";
import { rank, type SpeedRanking } from "./ranking.ts";
import { hasWeightBlocks } from "./weight-blocks.ts";
import type { SpeedNote } from "./trial.ts";

export interface SpeedsOptions extends Omit<MeasurementOptions, "onTrial"> {
  kept: KeptSpeeds;
  /** Called once for each engine that has died, and each type of weights. */
  onDeath: (adapter: string, reason: string, weight_type: string) => void;
  /** Called when all is known of a type. */
  onComplete: (note: SpeedNote) => void;
  /** Takes a sentence where something cannot be kept or timed. */
  log: (line: string) => void;
  /** Whether there is room for an engine with the synthetic model. */
  hasRoom: () => boolean;
}

export type Speeds = ReturnType<typeof createSpeeds>;

export function createSpeeds({ kept, onDeath, onComplete, log, hasRoom, ...options }: SpeedsOptions) {
  const names = options.adapters.map(({ name }) => name);
  let notes: Map<string, SpeedNote> | undefined;
  /** Imported when something is timed: most servers never do. */
  const measureNow: typeof measure = async (...args) => (await import("./measurement.ts")).measure(...args);
  /** Types that models were loaded with, and that are not timed yet. */
  const wanted = new Set<string>();
  /** What could not be timed is left to the next process. */
  const failed = new Set<string>();

  const known = (): Map<string, SpeedNote> => (notes ??= readNotes());
  /** What could not be kept stays in memory. */
  const readNotes = () => new Map([...(notes ?? []), ...kept.read().map((note) => [note.weight_type, note] as const)]);
  const rankingOf = (note: SpeedNote): SpeedRanking => rank(note, names);

  /** Whether one is the fastest, or all have died. */
  const isDecided = (note: SpeedNote): boolean => {
    const { engines, dead } = rankingOf(note);
    return engines.length > 0 || dead.size === names.length;
  };

  const giveUp = (weight_type: string, why: string): void => {
    failed.add(weight_type);
    log(`the engines could not be timed with ${weight_type}: ${why}`);
  };

  const keep = async (note: SpeedNote): Promise<void> => {
    const before = known().get(note.weight_type);
    known().set(note.weight_type, note);
    const dead = before === undefined ? new Map<string, string>() : rankingOf(before).dead;
    for (const [adapter, reason] of rankingOf(note).dead) if (!dead.has(adapter)) onDeath(adapter, reason, note.weight_type);
    await kept.write(note).catch(({ message }: Error) => log(`what was found of the engines' speed was not kept: ${message}`));
  };

  return {
    names,
    /** Of a type that has been timed, also in part: then no engine is ranked. */
    ranking(weight_type: string): SpeedRanking | undefined {
      const note = known().get(weight_type);
      return note && rankingOf(note);
    },
    all: (): readonly ({ weight_type: string } & SpeedRanking)[] =>
      [...known().values()].map((note) => ({ weight_type: note.weight_type, ...rankingOf(note) })),
    /** A model with such weights is loaded: reads what other processes have found, and notes what is still to be timed. */
    want(weight_type: string): void {
      notes = readNotes();
      if (notes.get(weight_type)?.complete || failed.has(weight_type) || !hasWeightBlocks(weight_type)) return;
      wanted.add(weight_type);
    },
    /** Times what is wanted, until the signal aborts. Never throws. */
    async timeWanted(signal: AbortSignal): Promise<void> {
      for (const weight_type of wanted) {
        if (signal.aborted || !hasRoom()) return;
        const note = known().get(weight_type) ?? beginning(weight_type);
        try {
          const measured = await measureNow(note, { ...options, onTrial: keep }, signal);
          if (!measured.complete) return;
          if (isDecided(measured)) onComplete(measured);
          else {
            await keep(afresh(measured));
            giveUp(weight_type, "this machine is too slow, or too busy now");
          }
        } catch (error) {
          giveUp(weight_type, (error as Error).message);
        }
        wanted.delete(weight_type);
      }
    },
    /**
     * Times a type from the beginning, whatever is known, which stays known if the signal aborts. Answers whether anything was found that a
     * choice can be made by: on a slow or busy machine nothing is. Throws what the disk throws.
     */
    async timeAnew(weight_type: string, signal: AbortSignal): Promise<boolean> {
      const measured = await measureNow(beginning(weight_type), options, signal);
      const hasDeaths = measured.complete && rankingOf(measured).dead.size > 0;
      if (isDecided(measured)) await keep(measured);
      else if (hasDeaths) await keep(afresh(measured));
      return hasDeaths || isDecided(measured);
    },
  };
}

const beginning = (weight_type: string): SpeedNote => ({ weight_type, trials: [], spent_ms: 0, complete: false });

/** What has died stays so. */
const afresh = ({ weight_type, trials }: SpeedNote): SpeedNote => ({
  ...beginning(weight_type),
  trials: trials.filter(({ death }) => death !== undefined),
});
