// Times the engines of this machine with weights of one type, one after the other, until enough is known; can be stopped at any moment, and goes
// on later with what was not timed yet.
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { InstalledModel } from "../../models/manifest.ts";
import { AdapterError } from "../adapter.ts";
import type { TokenAdapter, TokenEngine } from "../token-engine.ts";
import { nextTrial, trialOf, type NextTrial, type TimedAdapter } from "./next-trial.ts";
import { writeSyntheticModel } from "./synthetic-model.ts";
import { STREAMS, timeEngine } from "./time-engine.ts";
import type { EngineTiming, SpeedNote } from "./trial.ts";

export interface MeasuredAdapter extends TimedAdapter {
  /** Its engines end at once when they are closed. */
  engines: () => Promise<TokenAdapter>;
}

export interface MeasurementOptions {
  adapters: readonly MeasuredAdapter[];
  /** Threads at most. */
  cores: number;
  /** Where the model is for as long as it is needed; absolute, made where it is not there. */
  folder: string;
  /** Called with what is known after each trial. */
  onTrial?: (note: SpeedNote) => void | Promise<void>;
  now?: () => number;
  time?: typeof timeEngine;
  write?: typeof writeSyntheticModel;
}

/** All trials of one type of weights together. */
const MOST_MS = 20_000;
/** Tokens of a slot: a prompt and an answer. */
const CONTEXT = 256;

type TrialResult = { timing: EngineTiming } | { death: string };

/**
 * Goes on with `note` until it is complete or the signal aborts, and answers with what is known then. `note.weight_type`: as `hasWeightBlocks`
 * takes it. Throws what the disk throws.
 */
export async function measure(note: SpeedNote, options: MeasurementOptions, signal: AbortSignal): Promise<SpeedNote> {
  const { folder, onTrial, write = writeSyntheticModel } = options;
  const place = await makePlace(folder);
  let known = note;
  try {
    const path = join(place, "synthetic.gguf");
    await write(path, note.weight_type, signal);
    while (!signal.aborted && !known.complete) {
      known = await timeNext(known, path, options, signal);
      if (!signal.aborted) await onTrial?.(known);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
  return known;
}

/** The note with the result of one more trial; as it was where the signal aborts. */
async function timeNext(note: SpeedNote, path: string, options: MeasurementOptions, signal: AbortSignal): Promise<SpeedNote> {
  const { adapters, cores, now = () => performance.now() } = options;
  const next = nextTrial(note.trials, adapters, cores);
  const left = MOST_MS - note.spent_ms;
  if (next === undefined || left <= 0) return { ...note, complete: true };
  const started = now();
  const result = await timeTrial(next, path, options, AbortSignal.any([signal, AbortSignal.timeout(left)]));
  // What was stopped for a request has shown nothing.
  return signal.aborted ? note : withResult(note, next, result, now() - started);
}

const PLACE = "trial-";
/** The age at which a folder that a killed process has left is removed, in milliseconds. */
const STALE_MS = 3_600_000;

/** A folder for the model of this measurement. */
async function makePlace(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const name of (await readdir(folder)).filter((each) => each.startsWith(PLACE))) {
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > STALE_MS) await rm(join(folder, name), { recursive: true, force: true });
  }
  return mkdtemp(join(folder, PLACE));
}

/** Undefined where the signal aborts. */
async function timeTrial(
  { adapter, tuning }: NextTrial,
  path: string,
  { adapters, time = timeEngine }: MeasurementOptions,
  signal: AbortSignal,
): Promise<TrialResult | undefined> {
  const model: InstalledModel = { id: "synthetic", path, settings: {} };
  let engine: TokenEngine | undefined;
  try {
    const engines = await adapters.find(({ name }) => name === adapter)!.engines();
    engine = await engines.load(model, { ...tuning, slots: STREAMS, context: CONTEXT }, signal);
    return { timing: await time(engine, signal) };
  } catch (error) {
    if (signal.aborted) return undefined;
    if (error instanceof AdapterError) return { death: reasonOf(error) };
    throw error;
  } finally {
    await engine?.close();
  }
}

/** What clients may know of it, as the end of a sentence. */
function reasonOf({ message, public_message = message }: AdapterError): string {
  const [, how] = /\bended with ((?:signal|code) \w+)/.exec(message) ?? [];
  return how === undefined ? `it failed (${public_message})` : `it ended with ${how}`;
}

function withResult(note: SpeedNote, next: NextTrial, result: TrialResult | undefined, ms: number): SpeedNote {
  const spent_ms = note.spent_ms + ms;
  if (result === undefined) return { ...note, spent_ms };
  const before = trialOf(note.trials, next);
  const { timings } = before ?? { timings: [] };
  const trial = { ...next, ...("death" in result ? { timings, ...result } : { timings: [...timings, result.timing] }) };
  return { ...note, spent_ms, trials: [...note.trials.filter((each) => each !== before), trial] };
}
