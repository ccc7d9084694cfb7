// llama.cpp's own server, in a process that ingle starts, watches and ends: what the embedded engine cannot do, such as tools and images.
import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { GgufError, readGgufFile } from "../../models/gguf/header.ts";
import { readSpecialNames } from "../../models/gguf/special-tokens.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import { AdapterError, CAPABILITIES, type Adapter, type Capability, type Engine, type LoadOptions } from "../adapter.ts";
import { argsOf } from "./command-line.ts";
import { type Client, clientOf } from "./http-client.ts";
import { keptStates, type KeptStates } from "./saved-states.ts";
import { lifeOf, type Life, type LifeLimits } from "./watchdog.ts";
import { loadFailure, startServer } from "./process.ts";
import { turnsOf } from "./generation.ts";

export interface LlamaServerOptions {
  /** Path of the program; asked for at each load. May throw `AdapterError`. */
  binary: () => string | Promise<string>;
  /** The whole environment of ingle; the process gets the few variables that are harmless. */
  env: Record<string, string | undefined>;
  /** The last lines that a process wrote which ended badly. */
  log?: (line: string) => void;
  limits?: Partial<LifeLimits>;
}

const LIMITS: LifeLimits = { load: 300_000, turn: 60_000, cancel: 2_000, close: 2_000, state: 60_000 };

/** A llama-server for each engine. Throws where `binary` does. */
export function llamaServer({ binary, env, log = () => {}, limits: some }: LlamaServerOptions): Adapter {
  const limits = { ...LIMITS, ...some };
  return {
    name: "llama-server",
    capabilities,
    async load(model, options, signal) {
      signal.throwIfAborted();
      const program = await binary();
      const header = await fromFile(model, readGgufFile);
      const kept = await keptStates({ program, model, options, header, log });
      const args = argsOf(model, options, header.context_length, kept?.folder);
      signal.throwIfAborted();
      const key = randomBytes(32).toString("hex");
      const loading = start({ program, args, key, model, options, limits, env, log });
      const onAbort = (): void => loading.life.kill(new AdapterError("engine_unavailable", "The load was stopped."));
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const listening = Promise.race([loading.address, dead(loading.life)]);
        const [address, special] = await Promise.all([listening, fromFile(model, readSpecialNames)]);
        const parts = { client: clientOf(address, key), life: loading.life, special, kept };
        const engine = await engineOf(model.id, parts, limits, signal);
        loading.done();
        return engine;
      } catch (error) {
        await loading.life.close();
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}

function capabilities({ files, template_tools, settings: { prompt_template } }: Model): Capability[] {
  const images = files.some(({ role }) => role === "projector");
  // Jan's plain templates know none.
  const tools = template_tools !== false && prompt_template === undefined;
  return CAPABILITIES.filter((one) => (one === "images" ? images : one !== "tools" || tools));
}

interface Start {
  program: string;
  args: string[];
  key: string;
  model: InstalledModel;
  options: LoadOptions;
  limits: LifeLimits;
  env: LlamaServerOptions["env"];
  log: (line: string) => void;
}

// Lines it prints until it is ready, more or less.
const LINES_OF_A_LOAD = 10;

function start({ program, args, key, model, options, limits, env, log }: Start) {
  const { id, path } = model;
  let loaded = false;
  let lines = 0;
  const onLine = (): void => {
    if (loaded) return;
    life.heard();
    options.onProgress?.(Math.min(++lines / LINES_OF_A_LOAD, 1));
  };
  const server = startServer({ binary: program, args, key, env, log, onLine });
  const life = lifeOf({
    ...{ id, limits, server, loaded: () => loaded },
    deathOf: (ended) =>
      loaded
        ? new AdapterError("engine_crashed", `The engine of model "${id}" ended with ${ended.how}. Ask again.`)
        : loadFailure(id, path, ended),
  });
  return { life, address: server.address, done: () => void (loaded = true) };
}

async function dead(life: Life): Promise<never> {
  await life.closed;
  throw life.reason;
}

const Props = v.object({
  total_slots: v.number(),
  default_generation_settings: v.object({ n_ctx: v.number() }),
  chat_template_caps: v.object({ supports_tools: v.boolean() }),
  build_info: v.optional(v.string()),
});
const Models = v.object({ data: v.tuple([v.object({ meta: v.object({ n_vocab: v.number() }) })]) });

interface ServerParts {
  client: Client;
  life: Life;
  special: ReadonlySet<string>;
  kept: KeptStates | undefined;
}

/** Of a server that listens. */
async function engineOf(id: string, of: ServerParts, limits: LifeLimits, signal: AbortSignal): Promise<Engine> {
  const { client, life, special, kept } = of;
  await client.getJson("/health", signal);
  const props = v.parse(Props, await client.getJson("/props", signal));
  const { data } = v.parse(Models, await client.getJson("/v1/models", signal));
  const { total_slots: slots, chat_template_caps } = props;
  const context_length = props.default_generation_settings.n_ctx;
  const model = { context_length, vocab_size: data[0].meta.n_vocab, knows_tools: chat_template_caps.supports_tools };
  const chat = turnsOf({ id, client, life, model, limits, special });
  const server = { slots, context_length, build: props.build_info };
  const seats = await kept?.seats({ chat, client, life, limits, server });
  const close = async (): Promise<void> => {
    await life.close(seats?.keep);
    await seats?.settle();
  };
  return { slots, context_length, closed: life.closed, chat: seats?.chat ?? chat, close };
}

/** Of the model's file. Throws `AdapterError` `model_load_failed` where it cannot be read. */
async function fromFile<T>({ id, path }: InstalledModel, read: (path: string) => Promise<T>): Promise<T> {
  try {
    return await read(path);
  } catch (error) {
    const { message } = error as Error;
    const reason = error instanceof GgufError ? message : `its file cannot be read (${message.replaceAll(path, "its file")})`;
    throw new AdapterError("model_load_failed", `Model "${id}" cannot be loaded: ${reason}`, { cause: error });
  }
}
