// The one list of adapters: settings, API, help, docs and engine processes take their names from here. A further adapter is a file of its
// own and one entry. Every command and every engine's process reads this list, so the code that runs models is imported at a load.
import { type GraphicsCard, graphicsSigns } from "../models/graphics-cards.ts";
import type { Model } from "../models/manifest.ts";
import type { OwnModel } from "../models/own-model.ts";
import type { Adapter } from "./adapter.ts";
import type { ChildProcessOptions } from "./child-process/adapter.ts";
import { ABOUT as LLAMA_SERVER } from "./llama-server/description.ts";
import type { Prompts } from "./prompts.ts";
import type { WatchdogLimits } from "./shared/watchdog.ts";
import type { ThreadWaiting } from "./load-options.ts";
import type { TokenAdapter } from "./token-engine.ts";
import type { NodeLlamaCppModule } from "./node-llama-cpp/adapter.ts";
import { ABOUT as EMBEDDED } from "./node-llama-cpp/description.ts";
import { ABOUT as UPSTREAM } from "./upstream/description.ts";

/** What a server hands to the adapters that it creates. */
export interface AdapterContext {
  /** The whole environment of the server; an engine's process gets the few variables that are harmless. */
  env: Record<string, string | undefined>;
  /** Takes lines that engines write on their standard error. */
  log: (line: string) => void;
  /** Nothing is run to find out, but for `path`, which throws `AdapterError` `engine_unavailable`. `missing`: as that of an adapter. */
  llama_server: { isPresent(): boolean; missing(): string | undefined; build(): string | undefined; path(): Promise<string> };
  /** `isPresent`: whether its process would find the library; an executable may not carry it. */
  node_llama_cpp: { isPresent(): boolean; missing(): string | undefined; build(): string | undefined };
  /** The command that runs `hostEngine` with the hosted part of the adapter of that name. */
  hostCommand: (adapter: string) => ReturnType<ChildProcessOptions["command"]>;
  /** Renders the prompts of all models, in a process that starts at the first load. */
  prompts: Prompts;
}

/** What the process of an engine hands to the adapter that it hosts. */
export interface HostContext {
  /** Imports node-llama-cpp. Throws `AdapterError` `engine_unavailable` where it is not carried. */
  nodeLlamaCpp: () => Promise<NodeLlamaCppModule>;
}

export interface RegisteredAdapter extends Pick<Adapter, "name" | "capabilities" | "options"> {
  /** What runs a model, for help and docs. */
  summary: string;
  /** `--adapter` may name it. */
  setting?: boolean;
  /** A model's record may name it, whatever `--adapter` says. */
  pinnable?: boolean;
  /** `--adapter auto` may take it: the first of the list that is present and computes. */
  automatic?: boolean;
  /** Whether what it needs is on this machine; absent: always. */
  isPresent?(context: AdapterContext): boolean;
  /** Why it cannot load a model now, as a sentence for the owner with a way out; undefined where it can. Absent: its loads say so. */
  missing?(context: AdapterContext): string | undefined;
  /**
   * Why it does not compute right on this machine, found with a tiny model of its own; undefined where it does. `again`: whatever was found
   * before. Throws where that cannot be found out.
   */
  computeFailure?(context: AdapterContext, options: { again: boolean }): Promise<string | undefined>;
  /** The graphics cards that its engines fill, asked of a process that ends. Absent: none. Throws where that cannot be found out. */
  graphicsCards?(context: AdapterContext): Promise<GraphicsCard[]>;
  /** What is to be known to time its engines; absent: they are not timed. */
  timed?: {
    /** The ways in which its threads can wait, the default first; none where there is one alone. */
    waitings: readonly ThreadWaiting[];
    /** Tells its program or library from another one; undefined where that cannot be found out. Nothing is run for it. */
    build(context: AdapterContext): string | undefined;
    /** Makes engines of it that end at once when they are closed. */
    engines(context: AdapterContext): Promise<TokenAdapter>;
  };
  /** The models that this adapter alone runs, whatever the settings say. */
  claims?(model: Model): boolean;
  /** The models that it brings; then there are no others, and none needs files. */
  models?: readonly OwnModel[];
  create(context: AdapterContext): Promise<Omit<Adapter, "name" | "capabilities" | "options">>;
  /** What runs in a process of its own, as `ingle engine-host NAME`. */
  host?(context: HostContext): Promise<TokenAdapter>;
}

/** The one model of the adapter `echo`. */
const ECHO_MODEL: OwnModel = {
  id: "echo",
  name: "Echo",
  description: "Answers with the last message.",
  owned_by: "ingle",
};

const LIST = [
  {
    name: "llama-server",
    capabilities: LLAMA_SERVER.capabilities,
    options: LLAMA_SERVER.options,
    summary: "llama.cpp's own server, one process a model; images and some samplers need it",
    setting: true,
    pinnable: true,
    automatic: true,
    isPresent: ({ llama_server }) => llama_server.isPresent(),
    missing: ({ llama_server }) => llama_server.missing(),
    async computeFailure({ env, llama_server }, options) {
      const { computeFailure } = await import("./llama-server/build/proof.ts");
      return computeFailure(await llama_server.path(), env, options);
    },
    async graphicsCards({ env, llama_server }) {
      const { listDevices } = await import("./llama-server/list-devices.ts");
      return listDevices(await llama_server.path(), env);
    },
    timed: {
      waitings: ["briefly", "long"],
      build: ({ llama_server }) => llama_server.build(),
      engines: (context) => llamaServerEngines(context, LIMITS_OF_TRIALS),
    },
    async create(context) {
      const { chatAdapter } = await import("./shared/chat/chat-adapter.ts");
      return chatAdapter(LLAMA_SERVER, await llamaServerEngines(context), context.prompts);
    },
  },
  {
    name: "node-llama-cpp",
    capabilities: EMBEDDED.capabilities,
    options: EMBEDDED.options,
    summary: "the embedded engine: llama.cpp as a library, one process a model",
    setting: true,
    pinnable: true,
    automatic: true,
    isPresent: ({ node_llama_cpp }) => node_llama_cpp.isPresent(),
    missing: ({ node_llama_cpp }) => node_llama_cpp.missing(),
    async graphicsCards({ env, hostCommand }) {
      // The library is large, and is not loaded for nothing.
      if (graphicsSigns().length === 0) return [];
      const { askGraphicsCards } = await import("./node-llama-cpp/ask-graphics-cards.ts");
      return askGraphicsCards(hostCommand(EMBEDDED.name), env);
    },
    timed: {
      waitings: [],
      build: ({ node_llama_cpp }) => node_llama_cpp.build(),
      engines: (context) => embeddedEngines(context, LIMITS_OF_TRIALS),
    },
    async create(context) {
      const { chatAdapter } = await import("./shared/chat/chat-adapter.ts");
      return chatAdapter(EMBEDDED, await embeddedEngines(context), context.prompts);
    },
    async host({ nodeLlamaCpp: library }) {
      const { nodeLlamaCpp } = await import("./node-llama-cpp/adapter.ts");
      return nodeLlamaCpp(library);
    },
  },
  {
    name: "echo",
    capabilities: () => [],
    summary: "no model: answers with the last message",
    setting: true,
    models: [ECHO_MODEL],
    create: async () => (await import("./echo.ts")).echo(),
  },
  {
    name: "upstream",
    capabilities: UPSTREAM.capabilities,
    summary: "other servers with OpenAI's API, for the models that name their addresses",
    claims: (model) => model.upstream !== undefined,
    async create({ env, log }) {
      const { upstream } = await import("./upstream/adapter.ts");
      return upstream({ env, log });
    },
  },
] as const satisfies readonly RegisteredAdapter[];

type NamesWith<Mark> = Extract<(typeof LIST)[number], Mark>["name"][];

export const ADAPTERS: readonly RegisteredAdapter[] = LIST;
/** What `--adapter` takes, beside `auto`. */
export const ADAPTER_NAMES = namesOf("setting") as NamesWith<{ setting: true }>;
/** What `--adapter auto` takes, in this order. */
export const AUTO = ADAPTERS.filter(({ automatic }) => automatic);
/** What a model's record, POST /v1/models and `ingle pull` take. */
export const PINNABLE_ADAPTERS = namesOf("pinnable") as NamesWith<{ pinnable: true }>;

export function adapterNamed(name: string): RegisteredAdapter | undefined {
  return ADAPTERS.find((adapter) => adapter.name === name);
}

/** In milliseconds. A trial is over at once when a request comes. */
const LIMITS_OF_TRIALS: WatchdogLimits = { load: 15_000, generation: 15_000, close: 0 };

async function llamaServerEngines(context: AdapterContext, limits?: WatchdogLimits): Promise<TokenAdapter> {
  const { llamaServer } = await import("./llama-server/adapter.ts");
  const { env, log, llama_server, prompts } = context;
  return llamaServer({ binary: () => unbrokenProgram(llama_server, env), env, prompts, log, limits });
}

async function embeddedEngines({ env, log, hostCommand }: AdapterContext, limits?: WatchdogLimits): Promise<TokenAdapter> {
  const { childProcess } = await import("./child-process/adapter.ts");
  const { name } = EMBEDDED;
  return childProcess({ name, command: () => hostCommand(name), env, log, limits });
}

async function unbrokenProgram({ path }: AdapterContext["llama_server"], env: AdapterContext["env"]): Promise<string> {
  const program = await path();
  const { refuseBrokenBuild } = await import("./llama-server/build/proof.ts");
  await refuseBrokenBuild(program, env);
  return program;
}

function namesOf(by: "setting" | "pinnable"): string[] {
  return ADAPTERS.filter((adapter) => adapter[by]).map(({ name }) => name);
}
