// `--adapter auto`: the first adapter of a list runs all models; where it cannot compute on this machine, the next one does.
import { AdapterError, CAPABILITIES, type Adapter, type Capability, type ChatRequest, type Engine } from "./adapter.ts";
import type { AdapterErrorCode } from "./error-options.ts";
import type { Model } from "../models/manifest.ts";

export interface Candidate {
  adapter: Adapter;
  /** As `RegisteredAdapter` has it; absent: a failed load says nothing of the adapter. */
  computeFailure?: ((options: { again: boolean }) => Promise<string | undefined>) | undefined;
}

/** What a load throws when its engine's process dies, or gives no sign of life. */
const DEATHS: readonly AdapterErrorCode[] = ["model_load_failed", "engine_unavailable", "engine_crashed", "engine_timeout"];

/** The end of a failure that says what the program has printed. */
const PRINTED = / \(.*\)$/s;

/** `candidates`: at least one. `onFallback` gets the notice, once for each adapter that is passed over. */
export function createAuto(candidates: readonly Candidate[], onFallback: (notice: string) => void) {
  const last = candidates.at(-1)!;
  /** Why each that was passed over does not compute. */
  const broken = new Map<Candidate, string>();
  /** The engine of each model, and what loaded it. */
  const loaded = new Map<string, { engine: Engine; adapter: Adapter }>();
  const current = (): Candidate => candidates.find((candidate) => !broken.has(candidate)) ?? last;

  /** A sentence about the adapters that were passed over; undefined where there is none. `for_owner`: with what they have printed. */
  const noticeFor = (for_owner: boolean): string | undefined => {
    if (broken.size === 0) return undefined;
    const reasons = [...broken].map(([{ adapter }, why]) => {
      const reason = for_owner ? why : why.replace(PRINTED, "");
      return `${adapter.name} does not compute right on this machine: ${reason}.`;
    });
    const names = [...broken.keys()].map(({ adapter }) => adapter.name).join(" or ");
    const now = `${current().adapter.name} runs the models until ${names} is built anew or the server restarts.`;
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
    if (candidate === last || !(error instanceof AdapterError) || !DEATHS.includes(error.code)) return false;
    const failure = await candidate.computeFailure?.({ again: true }).catch(() => undefined);
    if (failure === undefined) return false;
    const isKnown = broken.has(candidate);
    broken.set(candidate, failure);
    if (!isKnown) onFallback(noticeFor(true)!);
    return true;
  };

  const load = async (model: Model, ...[installed, options, signal]: Parameters<Adapter["load"]>): Promise<Engine> => {
    await readmit();
    for (;;) {
      // The load may have been given up while an adapter was tried.
      signal.throwIfAborted();
      const candidate = current();
      try {
        const engine = await candidate.adapter.load(installed, options, signal);
        loaded.set(model.id, { engine, adapter: candidate.adapter });
        void engine.closed.then(() => loaded.get(model.id)?.engine === engine && loaded.delete(model.id));
        return candidate === candidates[0] ? engine : refusing(engine, candidate.adapter.capabilities(model));
      } catch (error) {
        if (signal.aborted || !(await passesOver(candidate, error))) throw error;
      }
    }
  };

  const answering = ({ id }: Model): Adapter => loaded.get(id)?.adapter ?? current().adapter;

  return {
    /** What is known without a load is told by the adapter that has loaded the model, else of the one that would load it now. */
    adapterOf: (model: Model): Adapter => ({
      get name() {
        return answering(model).name;
      },
      capabilities: (asked) => answering(asked).capabilities(asked),
      passedOver: (request, asked) => answering(asked).passedOver?.(request, asked) ?? [],
      templateAbilities: async (...args) => answering(model).templateAbilities?.(...args),
      load: (...args) => load(model, ...args),
    }),
    notice: () => noticeFor(false),
  };
}

/** Requests that were admitted when a more capable adapter was to answer are refused, not answered in part. */
function refusing(engine: Engine, capabilities: readonly Capability[]): Engine {
  const { complete } = engine;
  const refuse = (request: Partial<ChatRequest>): void => {
    for (const [needed, param] of needsOf(request)) {
      if (capabilities.includes(needed)) continue;
      const message = `"${param}" is not supported by this model's engine. Leave it out.`;
      throw new AdapterError("request_unsupported", message, { param });
    }
  };
  return {
    ...engine,
    chat(request, signal) {
      refuse(request);
      return engine.chat(request, signal);
    },
    ...(complete && {
      complete(request, signal) {
        refuse(request);
        return complete(request, signal);
      },
    }),
  };
}

/** The capabilities that a request needs, each with the path of the field that does. */
function* needsOf(request: Partial<ChatRequest>): Generator<[Capability, string]> {
  for (const [index, { content }] of (request.messages ?? []).entries())
    if (typeof content !== "string") yield ["images", `messages[${index}].content`];
  for (const name of CAPABILITIES) {
    if (name === "patterns" && isPattern(request)) yield [name, "response_format"];
    // Every other capability has the name of the field that needs it.
    if (name === "images" || name === "patterns" || name === "decisions" || request[name] === undefined) continue;
    if (name === "samplers") for (const sampler of Object.keys(request.samplers!)) yield [name, sampler];
    else yield [name, name === "choices" ? "n" : name];
  }
}

function isPattern({ response_format }: Partial<ChatRequest>): boolean {
  return response_format?.type === "regex" || response_format?.type === "choice";
}
