// Which engine `--adapter auto` takes, and why; with `--bench` the engines are timed for that.
import { describeSpeeds } from "../../../adapters/auto/describe.ts";
import { hasWeightBlocks } from "../../../adapters/auto/weight-blocks.ts";
import type { Speeds } from "../../../adapters/auto/speeds.ts";
import { AUTO } from "../../../adapters/registry.ts";
import { createAdapters } from "../../server/adapters.ts";
import { speedRows } from "../../server/engine-speeds.ts";
import type { Config } from "../../server/settings.ts";
import { hasMarker } from "../../storage/data-folder.ts";
import { connect } from "../api.ts";
import { printNote } from "../print.ts";
import { aboutEngine } from "./engines.ts";
import { findingsAbout, type Finding } from "./finding.ts";

/** Where no model is installed whose weights are of a known type: the one that most people take. */
const USUAL_TYPE = "Q4_K";

const BENCH = "ingle doctor --bench";
const NOT_TIMED =
  "the engines could not be timed within 20 s, as this machine is too slow, or too busy now. Let it do nothing else meanwhile";

const { good, missing } = findingsAbout("auto");

/** `engines`: what was found of each. `bench`: times those that work, for the weights of the models that are installed. */
export async function checkAuto(config: Config, engines: readonly Finding[], bench: boolean): Promise<Finding[]> {
  if (config.adapter !== "auto") return bench ? [good(`${config.adapter} is set by hand: no engine is timed`)] : [];
  const isGood = (name: string): boolean => engines.some(({ about, state }) => about === aboutEngine(name) && state === "good");
  const names = AUTO.map(({ name }) => name);
  const working = names.filter(isGood);
  const [first, second] = working;
  if (first === undefined) return [];
  const others = engines.filter(({ state }) => state !== "good").map(({ about, says }) => `${about}: ${says}`);
  if (second === undefined) return [good([`${first} is taken`, ...others].join("; "))];
  if (config.threads !== undefined)
    return [good(`${first} is taken: threads are set to ${config.threads} by hand, and no engine is timed`)];
  const adapters = createAdapters(config, { info: () => {}, warn: () => {} });
  try {
    const speeds = adapters.speeds();
    if (speeds === undefined)
      return [missing(`${first} is taken: the files of the engines cannot be looked at, so none is timed`)];
    const untimed = bench ? await timeAll(speeds, await typesOfModels(config)) : [];
    const rows = speedRows(speeds);
    const takenFor = (type: string): string => rows.find(({ weight_type }) => weight_type === type)?.taken ?? first;
    const findings = [
      ...untimed.map((type) => missing(`${takenFor(type)} is taken for ${type}: ${NOT_TIMED}`, BENCH)),
      ...rows
        .filter(({ weight_type }) => !untimed.includes(weight_type))
        .map((row) => (row.dead.length === 0 ? good : missing)(describeSpeeds(row))),
    ];
    return findings.length > 0 ? findings : [missing(`${first} is taken until the engines are timed`, BENCH)];
  } finally {
    await adapters.close();
  }
}

/** Answers with the types of which nothing was found. */
async function timeAll(speeds: Speeds, types: readonly string[]): Promise<string[]> {
  const untimed: string[] = [];
  for (const weight_type of types) {
    printNote(`The engines are timed with weights of ${weight_type}, which takes up to 20 s.`);
    if (!(await speeds.timeAnew(weight_type, new AbortController().signal))) untimed.push(weight_type);
  }
  return untimed;
}

async function typesOfModels(config: Config): Promise<string[]> {
  if (!(await hasMarker(config.data))) return [USUAL_TYPE];
  const api = await connect(config, { command: "doctor", reads: true });
  try {
    const { data } = await api.json<{ data: { weight_type?: string }[] }>("/v1/models");
    const types = new Set(data.flatMap(({ weight_type }) => (weight_type && hasWeightBlocks(weight_type) ? [weight_type] : [])));
    return types.size === 0 ? [USUAL_TYPE] : [...types];
  } finally {
    await api.close();
  }
}
