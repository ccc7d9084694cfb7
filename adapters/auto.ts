// `--adapter auto`: of the adapters that can do what a model makes possible, the one whose engine was the fastest on this machine runs it. As
// long as that is not known, it is the first of a list; where one cannot compute on this machine, the next one takes its place.
import { readGgufFile } from "../models/gguf/header.ts";
import type { InstalledModel, Model } from "../models/manifest.ts";
import { AdapterError, type Adapter, type Capability, type Engine } from "./adapter.ts";
import type { AdapterErrorCode } from "./error-options.ts";
import { refusingUnable } from "./auto/refuse-unable.ts";
import type { SpeedRanking } from "./auto/ranking.ts";
import type { Speeds } from "./auto/speeds.ts";

export interface Candidate {
  adapter: Adapter;
  /** As `RegisteredAdapter` has it; absent: a failed load says nothing of the adapter. */
  computeFailure?: ((options: { again: boolean }) => Promise<string | undefined>) | undefined;
}

/** What a load throws when its engine's process dies, or gives no sign of life. */
const DEATHS: readonly AdapterErrorCode[] = ["model_load_failed", "engine_unavailable", "engine_crashed", "engine_timeout"];

/** The end of a failure that says what the program has printed. */
const PRINTED = / \(.*\)$/s;

/** What is known of the speed of engines, and is told which models are loaded. */
export type KnownSpeeds = Pick<Speeds, "ranking" | "want">;

/**
 * `candidates`: at least one. `onFallback` gets the notice, once for each adapter that is passed over. `speeds`: asked for when a model is first
 * asked about; where there are none, the order of the candidates decides.
 */
export function createAuto(
  candidates: readonly Candidate[],
  onFallback: (notice: string) => void,
  speeds: () => KnownSpeeds | undefined = () => undefined,
) {
  /** Why each that was passed over does not compute. */
  const broken = new Map<Candidate, string>();
  /** The engine of each model, and what loaded it. */
  const loaded = new Map<string, { engine: Engine; adapter: Adapter }>();
  /** What loads have found of models whose records do not say it. */
  const weight_types = new Map<string, string>();

  const rankingFor = ({ id, weight_type = weight_types.get(id) }: Model): SpeedRanking | undefined =>
    weight_type === undefined ? undefined : speeds()?.ranking(weight_type);

  /** All candidates, the one that is to run the model first: those that can less than another come behind it, and those that died last. */
  const orderFor = (model: Model): Candidate[] => {
    const { engines = [], dead = new Map() } = rankingFor(model) ?? {};
    const standing = ({ adapter }: Candidate): number[] => [
      Number(dead.has(adapter.name)),
      Number(candidates.some((other) => canMore(other.adapter, adapter, model))),
      engines.findIndex((engine) => engine.adapter === adapter.name),
    ];
    return candidates.toSorted((a, b) => compare(standing(a), standing(b)));
  };
  const firstOf = (order: readonly Candidate[]): Candidate => order.find((each) => !broken.has(each)) ?? order.at(-1)!;

  /** A sentence about the adapters that were passed over; undefined where there is none. `for_owner`: with what they have printed. */
  const noticeFor = (for_owner: boolean): string | undefined => {
    if (broken.size === 0) return undefined;
    const reasons = [...broken].map(([{ adapter }, why]) => {
      const reason = for_owner ? why : why.replace(PRINTED, "");
      return `${adapter.name} does not compute right on this machine: ${reason}.`;
    });
    const names = [...broken.keys()].map(({ adapter }) => adapter.name).join(" or ");
    const now = `${firstOf(candidates).adapter.name} runs the models until ${names} is built anew or the server restarts.`;
    return [...reasons, now].join(" ");
  };

  /** An adapter whose program was built anew gets its place back. */
  const readmit = async (): Promise<void> => {
    for (const [candidate, why] of broken) {
      const failure = await candidate.computeFailure!({ again: false }).catch(() => why);
      if (failure === undefined) broken.delete(candidate);
    }
  };

  /** Damaged files and too little memory fail a load too: only an adapter that fails with a model of its own is passed over. */
  const passesOver = async (candidate: Candidate, error: unknown): Promise<boolean> => {
    if (!(error instanceof AdapterError) || !DEATHS.includes(error.code)) return false;
    const failure = await candidate.computeFailure?.({ again: true }).catch(() => undefined);
    if (failure === undefined) return false;
    const isKnown = broken.has(candidate);
    broken.set(candidate, failure);
    if (!isKnown) onFallback(noticeFor(true)!);
    return true;
  };

  /** The header says it where the record of the model does not. A file that cannot be read is for the load to refuse. */
  const learnWeightType = async (model: Model, { path }: InstalledModel): Promise<void> => {
    const read = model.weight_type === undefined && (await readGgufFile(path).catch(() => undefined));
    const weight_type = read ? read.weight_type : model.weight_type;
    if (weight_type === undefined) return;
    weight_types.set(model.id, weight_type);
    speeds()?.want(weight_type);
  };

  const load = async (model: Model, ...[installed, options, signal]: Parameters<Adapter["load"]>): Promise<Engine> => {
    await readmit();
    if (speeds() !== undefined) await learnWeightType(model, installed);
    const order = orderFor(model);
    for (;;) {
      // The load may have been given up while an adapter was tried.
      signal.throwIfAborted();
      const candidate = firstOf(order);
      const { adapter } = candidate;
      const { tuning } = rankingFor(model)?.engines.find((engine) => engine.adapter === adapter.name) ?? {};
      try {
        const engine = await adapter.load(installed, { ...options, ...tuning }, signal);
        loaded.set(model.id, { engine, adapter });
        void engine.closed.then(() => loaded.get(model.id)?.engine === engine && loaded.delete(model.id));
        return candidate === order[0] ? engine : refusingUnable(engine, adapter.capabilities(model));
      } catch (error) {
        if (signal.aborted || candidate === order.at(-1) || !(await passesOver(candidate, error))) throw error;
      }
    }
  };

  const answering = (model: Model): Adapter => loaded.get(model.id)?.adapter ?? firstOf(orderFor(model)).adapter;

  return {
    /** What is known without a load is told by the adapter that has loaded the model, else of the one that would load it now. */
    adapterOf: (model: Model): Adapter => ({
      get name() {
        return answering(model).name;
      },
      get options() {
        return answering(model).options;
      },
      capabilities: (asked) => answering(asked).capabilities(asked),
      passedOver: (request, asked) => answering(asked).passedOver?.(request, asked) ?? [],
      templateAbilities: async (...args) => answering(model).templateAbilities?.(...args),
      load: (...args) => load(model, ...args),
    }),
    notice: () => noticeFor(false),
  };
}

/** What no model makes possible or impossible: it must not decide over speed. */
const OF_ENGINES: readonly Capability[] = ["prompt_logprobs"];

/** Whether one can all that the other can do with the model, and more. */
function canMore(one: Adapter, other: Adapter, model: Model): boolean {
  const [more, less] = [one, other].map((adapter) =>
    adapter.capabilities(model).filter((capability) => !OF_ENGINES.includes(capability)),
  ) as [Capability[], Capability[]];
  return more.length > less.length && less.every((capability) => more.includes(capability));
}

function compare(some: readonly number[], others: readonly number[]): number {
  const at = some.findIndex((value, index) => value !== others[index]);
  return at < 0 ? 0 : some[at]! - others[at]!;
}
