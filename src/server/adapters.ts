// Which adapter runs a model, and how the process of one is started.
import { fileURLToPath } from "node:url";
import type { Adapter } from "../../adapters/adapter.ts";
import { createAuto, type Candidate } from "../../adapters/auto.ts";
import { answerSpeed } from "../../adapters/auto/answer-speed.ts";
import type { Speeds } from "../../adapters/auto/speeds.ts";
import { carriedSource } from "../../adapters/llama-server/build/llama-cpp-source.ts";
import type { PromptsOptions } from "../../adapters/prompt-process/prompts.ts";
import type { Prompts } from "../../adapters/prompts.ts";
import { adapterNamed, ADAPTERS, AUTO, type AdapterContext, type RegisteredAdapter } from "../../adapters/registry.ts";
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import type { Model } from "../../models/manifest.ts";
import type { Config } from "./settings.ts";
import { findRuntime, runtimeEnv } from "../launch/runtimes.mjs";
import { CARRIED } from "../executable/carried.ts";
import type { Log } from "../support/log/log.ts";
import {
  hasLlamaServer,
  hasNodeLlamaCpp,
  missingNodeLlamaCpp,
  llamaServerBuild,
  llamaServerProgram,
  missingProgram,
  nodeLlamaCppBuild,
} from "../executable/carried-engines.ts";
import { deathNotices, engineSpeeds } from "./engine-speeds.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url).href);

// Strangers' templates and files are read in these processes: this bounds what they can take before such a process ends.
const HEAP_MB = 1024;

export interface Adapters {
  /** What runs a model, now. */
  adapterOf(model: Model): Adapter;
  /** A sentence about adapters that `auto` passed over because they do not compute on this machine, or what is `missing`. */
  notice(): string | undefined;
  /** What the adapter that the settings name lacks, as a sentence; it may come while the server runs. Undefined for `auto`, which takes another. */
  missing(): string | undefined;
  /** The graphics cards that engines of the adapter of that name fill; a process is started to find out. Rejects where that fails. */
  graphicsCards(adapter: string): Promise<GraphicsCard[]>;
  /** Tokens a second with which this machine would write an answer of a model that it has not loaded; undefined where nothing was measured. */
  answerSpeed(model: Model): number | undefined;
  /** Of the engines between which `auto` chooses; undefined where it has no choice, or threads are set by hand. */
  speeds(): Speeds | undefined;
  /** Ends the process that renders prompts, once no engine is left. */
  close(): Promise<void>;
}

/** `log` gets the lines that engines write on their standard error, and the notice, once. `kept`: where what is known of templates stays. */
export function createAdapters(
  { adapter, llama_server, threads }: Pick<Config, "adapter" | "llama_server"> & Partial<Pick<Config, "threads">>,
  log: Pick<Log, "info" | "warn">,
  kept?: PromptsOptions["kept"],
): Adapters {
  const { env } = process;
  const place = { named: llama_server, env };
  const logEngine = (line: string): void => log.info(line, { from: "engine" });
  const prompts = createPromptsAtFirstUse({ command: () => hostProcess("prompt-host"), env, log: logEngine, kept });
  const close = (): Promise<void> => prompts.close();
  const context: AdapterContext = {
    env,
    log: logEngine,
    llama_server: {
      isPresent: () => hasLlamaServer(place),
      missing: () => missingProgram(place),
      build: () => llamaServerBuild(place),
      path: () => llamaServerProgram(place),
    },
    node_llama_cpp: { isPresent: hasNodeLlamaCpp, missing: missingNodeLlamaCpp, build: nodeLlamaCppBuild },
    hostCommand: engineProcess,
    prompts,
  };
  const created = new Map<RegisteredAdapter, Adapter>();
  const adapterFor = (registered: RegisteredAdapter): Adapter => {
    const known = created.get(registered) ?? createAtFirstUse(registered, context);
    created.set(registered, known);
    return known;
  };
  const named = adapterNamed(adapter);
  const missing = (): string | undefined => named?.missing?.(context);
  const graphicsCards: Adapters["graphicsCards"] = async (name) => adapterNamed(name)?.graphicsCards?.(context) ?? [];
  const fixed = { notice: missing, missing, speeds: () => undefined };
  if (named?.models !== undefined)
    return { ...fixed, adapterOf: () => adapterFor(named), graphicsCards, answerSpeed: () => undefined, close };
  const usual =
    named === undefined ? autoOf(context, adapterFor, threads, log) : { ...fixed, adapterOf: () => adapterFor(named) };
  const adapterOf = (model: Model): Adapter => {
    const registered = ADAPTERS.find(({ claims }) => claims?.(model)) ?? pinnedBy(model);
    return registered === undefined ? usual.adapterOf(model) : adapterFor(registered);
  };
  return {
    ...usual,
    graphicsCards,
    adapterOf,
    answerSpeed(model) {
      const speeds = usual.speeds();
      return speeds && answerSpeed(model, adapterOf(model).name, speeds.ranking);
    },
    close,
  };
}

/** The adapters are looked for once: which parameters a model takes is not to change under a client. */
function autoOf(
  context: AdapterContext,
  adapterFor: (registered: RegisteredAdapter) => Adapter,
  threads: number | undefined,
  log: Pick<Log, "info" | "warn">,
): Omit<Adapters, "close" | "graphicsCards" | "answerSpeed"> {
  const present = presentOf(AUTO, context);
  const candidates = present.map((registered): Candidate => {
    const { computeFailure } = registered;
    return { adapter: adapterFor(registered), computeFailure: computeFailure && ((options) => computeFailure(context, options)) };
  });
  let found: { speeds: Speeds | undefined } | undefined;
  const speeds = (): Speeds | undefined =>
    (found ??= { speeds: threads === undefined ? engineSpeeds(present, context, log) : undefined }).speeds;
  const auto = createAuto(candidates, log.warn, speeds);
  return {
    adapterOf: auto.adapterOf,
    speeds,
    // Undefined where there is one: all that there are were asked.
    missing: () => present[0]?.missing?.(context),
    notice: () => [auto.notice() ?? [], deathNotices(speeds())].flat().join(" ") || undefined,
  };
}

let llama_cpp: { release: string | undefined } | undefined;

/** The release of llama.cpp that engines are of, looked up once; undefined where none is carried or installed. */
export const llamaCppRelease = (): string | undefined => (llama_cpp ??= { release: findLlamaCppRelease() }).release;

function findLlamaCppRelease(): string | undefined {
  if (CARRIED !== undefined) return CARRIED.llama_cpp;
  try {
    return carriedSource().release;
  } catch {
    return undefined;
  }
}

/** The first use imports the code of the adapter. */
function createAtFirstUse({ name, capabilities, options, create }: RegisteredAdapter, context: AdapterContext): Adapter {
  let created: ReturnType<RegisteredAdapter["create"]> | undefined;
  const adapter = () => (created ??= create(context));
  return {
    ...{ name, capabilities, options },
    passedOver: async (...args) => (await adapter()).passedOver?.(...args) ?? [],
    templateAbilities: async (...args) => (await adapter()).templateAbilities?.(...args),
    load: async (...args) => (await adapter()).load(...args),
  };
}

function createPromptsAtFirstUse(options: PromptsOptions): Prompts {
  let created: Promise<Prompts> | undefined;
  const create = async (): Promise<Prompts> => {
    const { createPrompts } = await import("../../adapters/prompt-process/prompts.ts");
    return createPrompts(options);
  };
  const prompts = () => (created ??= create());
  return {
    open: async (...args) => (await prompts()).open(...args),
    knownTemplate: async (digest) => (await prompts()).knownTemplate(digest),
    close: async () => (await created)?.close(),
  };
}

/** Where none is present, the last one: its loads say what is missing. */
function presentOf(adapters: readonly RegisteredAdapter[], context: AdapterContext): RegisteredAdapter[] {
  const present = adapters.filter(({ isPresent }) => isPresent?.(context) ?? true);
  return present.length > 0 ? present : adapters.slice(-1);
}

/** Undefined where the record names none, or the engine of another program. */
function pinnedBy({ engine }: Model): RegisteredAdapter | undefined {
  return ADAPTERS.find(({ name, pinnable }) => pinnable && name === engine);
}

export const engineProcess = (adapter: string): HostProcess => hostProcess("engine-host", adapter);

interface HostProcess {
  program: string;
  args: string[];
  env?: Record<string, string>;
}

/**
 * Node with a single pool thread computes about twice as fast as the other runtimes: there, the threads that run native jobs
 * do not fight the ones that compute.
 */
function hostProcess(...words: string[]): HostProcess {
  if (CARRIED !== undefined) return { program: process.execPath, args: words, env: cacheOf(process.env) };
  const host = [main, ...words];
  const [node, ...flags] = findRuntime("node") ?? [];
  if (node !== undefined) {
    return {
      program: node,
      args: [...flags, `--max-old-space-size=${HEAP_MB}`, ...host],
      env: { ...runtimeEnv("node"), UV_THREADPOOL_SIZE: "1" },
    };
  }
  const [own, ...rest] = findRuntime(process.versions.bun === undefined ? "deno" : "bun") ?? [process.execPath];
  return { program: own!, args: [...rest, ...host] };
}

/** Where the child finds what is unpacked. */
const cacheOf = ({ XDG_CACHE_HOME }: NodeJS.ProcessEnv): Record<string, string> => (XDG_CACHE_HOME ? { XDG_CACHE_HOME } : {});
