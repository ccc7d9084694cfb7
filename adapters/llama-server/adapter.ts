// llama.cpp's own server in a process that ingle starts, watches and ends. It can do what the embedded engine cannot: images.
import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { fileStamp } from "../../models/file-stamp.ts";
import { embeddingSizes } from "../../models/embedding-sizes.ts";
import { type GgufHeader, readGgufFile } from "../../models/gguf/header.ts";
import { readSpecialTokens } from "../../models/gguf/special-tokens.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { scaledContext } from "../../models/rope-scaling.ts";
import { writesText } from "../../models/tasks.ts";
import { AdapterError } from "../adapter.ts";
import type { LoadOptions } from "../load-options.ts";
import type { ModelPrompts, Prompts } from "../prompts.ts";
import type { TokenAdapter, TokenEngine } from "../token-engine.ts";
import { readModelFile } from "../shared/read-model-file.ts";
import { LONG_TEXT_MS, type ProcessWatchdog, watchProcess } from "../shared/watchdog.ts";
import { batchSize, commandLineArgs } from "./command-line.ts";
import { ABOUT } from "./description.ts";
import { createChoiceSlots } from "./choice-slots.ts";
import { embedInSlots } from "./embed.ts";
import { createEmbeddingRequests } from "./embedding-requests.ts";
import { createGeneration } from "./generation.ts";
import { createClient, type LlamaServerClient } from "./http-client.ts";
import { checkedImageChat, createImageChat } from "./image-chat.ts";
import { type LlamaServerLimits, type LlamaServerProcessOptions, loadError, startLlamaServer } from "./process.ts";
import { isTrimmable, type LlamaServerSavedStates, prepareSavedStates } from "./saved-states.ts";
import { checkedSampling } from "./request-body.ts";
import { createSlotSelection } from "./slot-selection.ts";
import { createSlotTrim } from "./slot-trim.ts";
import { mixesTexts } from "./mixes-texts.ts";
import { textEngine } from "./text-engine.ts";
import { tokenizer } from "./tokenizer.ts";
import { createAnswerWatch } from "./watched-answer.ts";

export interface LlamaServerOptions {
  /** Path of the program, resolved at each load. May throw `AdapterError`. */
  binary: () => string | Promise<string>;
  /** The whole environment of ingle; the process gets what `childEnvironment` lets through. */
  env: Record<string, string | undefined>;
  /** Knows the templates of models with a projector: what has images, llama-server renders. */
  prompts: Prompts;
  /** Takes the last lines of a process that ended badly. */
  log?: (line: string) => void;
  limits?: Partial<LlamaServerLimits> | undefined;
}

const LIMITS: LlamaServerLimits = {
  load: 300_000,
  generation: 60_000,
  cancel: 2_000,
  close: 2_000,
  state: 60_000,
  template: 10_000,
};

/** Runs a llama-server for each model. Its `load` throws where `binary` does. */
export function llamaServer({ binary, env, prompts, log = () => {}, limits: some }: LlamaServerOptions): TokenAdapter {
  const limitsOf = (model: InstalledModel): LlamaServerLimits => {
    return { ...LIMITS, ...(!writesText(model) && { generation: LONG_TEXT_MS }), ...some };
  };
  /** By file, with its length and times: whether llama-server may have its template. Then the next loads need not wait to find that out. */
  const harmless = new Map<string, boolean>();
  return {
    name: ABOUT.name,
    async load(model, options, signal) {
      signal.throwIfAborted();
      const limits = limitsOf(model);
      const program = await binary();
      const header = await readModelFile(model, readGgufFile);
      const saved = writesText(model) ? await prepareSavedStates({ program, model, options, header, log }) : undefined;
      const source = JSON.stringify([model, await readModelFile(model, fileStamp)]);
      const opening = model.projector === undefined ? undefined : prompts.open(model, signal);
      opening?.catch(() => {});
      const startWith = async (own_template: boolean): Promise<TokenEngine> => {
        const one_text = !writesText(model) && mixesTexts(header, model);
        const args = commandLineArgs(model, options, { header, states: saved?.folder, own_template, one_text });
        const key = randomBytes(32).toString("hex");
        const { address, watchdog, isAtTemplate } = start({ program, args, key, model, options, limits, env, log });
        const connect = async (): Promise<TokenEngine> => {
          const [own, url] = await Promise.all([opening, address]);
          const images = own && { prompts: own, special: await readModelFile(model, readSpecialTokens), own_template };
          const parts = { client: createClient(url, key), watchdog, header, saved, images, context: options.context };
          return createEngine(model, parts, limits, signal);
        };
        return watchdog.load(connect(), signal).catch(async (error) => {
          // Where no prompts can be had, the template is not at fault.
          await opening;
          if (!own_template || !isAtTemplate() || signal.aborted) throw error;
          harmless.set(source, false);
          log(`${model.id}: its chat template stopped llama-server, which is started without it.`);
          return startWith(false);
        });
      };
      const close = async (): Promise<void> => (await opening?.catch(() => {}))?.close();
      try {
        // llama-server runs the template at its start, and needs it for images alone.
        if (opening !== undefined && !harmless.has(source)) harmless.set(source, (await opening).template.bounded);
        const engine = await startWith(opening !== undefined && harmless.get(source)!);
        void engine.closed.then(close);
        return engine;
      } catch (error) {
        void close();
        throw error;
      }
    },
  };
}

interface StartedModel extends Omit<LlamaServerProcessOptions, "onLine"> {
  model: InstalledModel;
  options: LoadOptions;
  limits: LlamaServerLimits;
}

/** About as many lines as llama-server prints until it is ready. */
const LINES_OF_A_LOAD = 10;
/** What llama-server prints before it looks at the template, and behind it. */
const [BEFORE_TEMPLATE, BEHIND_TEMPLATE] = [/load_model: initializing, n_slots = /, /llama_server: model loaded$/];

function start({ model: { id, path }, options, limits, ...process }: StartedModel) {
  let lines = 0;
  let looking: ReturnType<typeof setTimeout> | undefined;
  const onLate = (): void => {
    if (watchdog.loaded) return;
    const message = `Model "${id}" cannot be loaded: its chat template took more than ${limits.template / 1000} s.`;
    watchdog.kill(new AdapterError("model_load_failed", message));
  };
  const onLine = (line: string): void => {
    if (watchdog.loaded) return;
    watchdog.touch();
    if (BEFORE_TEMPLATE.test(line)) looking = setTimeout(onLate, limits.template);
    if (BEHIND_TEMPLATE.test(line)) looking = clearTimeout(looking) as undefined;
    options.onProgress?.(Math.min(++lines / LINES_OF_A_LOAD, 1));
  };
  const server = startLlamaServer({ ...process, waiting: options.waiting, onLine });
  const [terminate, kill] = [() => server.signal("SIGTERM"), () => server.signal("SIGKILL")];
  const watchdog = watchProcess({ id, limits, pid: server.pid, memory: options.memory, terminate, kill });
  void watchdog.closed.then(() => clearTimeout(looking));
  void server.ended.then((end) => watchdog.exited(end.how, loadError(id, path, end)));
  return {
    address: server.address,
    watchdog,
    /** Whether it looks at the template, or did so when it ended. */
    isAtTemplate: (): boolean => looking !== undefined,
  };
}

const Props = v.object({
  total_slots: v.number(),
  default_generation_settings: v.object({ n_ctx: v.number() }),
  chat_template_caps: v.object({ supports_object_arguments: v.optional(v.boolean(), true) }),
  build_info: v.optional(v.string()),
});
const Models = v.object({ data: v.tuple([v.object({ meta: v.object({ n_vocab: v.number() }) })]) });

interface EngineParts {
  client: LlamaServerClient;
  watchdog: ProcessWatchdog;
  header: GgufHeader;
  /** As `LoadOptions.context`. */
  context: number;
  saved: LlamaServerSavedStates | undefined;
  /** Of a model that takes images. */
  images: { prompts: ModelPrompts; special: ReadonlySet<string>; own_template: boolean } | undefined;
}

/** The engine of a llama-server that listens. */
async function createEngine(
  installed: InstalledModel,
  parts: EngineParts,
  limits: LlamaServerLimits,
  signal: AbortSignal,
): Promise<TokenEngine> {
  const { id, adapter_options = {} } = installed;
  const { lora = [] } = adapter_options;
  const { client, watchdog, header, saved, images } = parts;
  await client.getJson("/health", signal);
  if (lora.some(({ scale = 1 }) => scale !== 1))
    await client.postJson(
      "/lora-adapters",
      lora.map(({ scale = 1 }, id) => ({ id, scale })),
      signal,
    );
  const props = v.parse(Props, await client.getJson("/props", signal));
  const { data } = v.parse(Models, await client.getJson("/v1/models", signal));
  const { total_slots: slots } = props;
  const context_length = props.default_generation_settings.n_ctx;
  const model = { context_length, vocab_size: data[0].meta.n_vocab };
  const watch = createAnswerWatch({ id, client, watchdog, cancel_ms: limits.cancel });
  const held = Math.min(
    parts.context,
    context_length,
    scaledContext(header, adapter_options).context ?? Number.POSITIVE_INFINITY,
  );
  const { step, longest } = embeddingSizes(installed, held);
  const batch = batchSize(step, slots);
  // A text of one step is computed at once.
  const longest_input = longest > step ? longest : batch;
  const loaded = { slots, context_length, longest_input, closed: watchdog.closed };
  const requests = createEmbeddingRequests({ id, client, watch, slots });
  if (!writesText(installed)) {
    const in_template = header.rerank_template !== undefined;
    const calls = await textEngine({ installed, client, requests, in_template });
    return { ...loaded, ...tokenizer(client), ...calls, close: () => watchdog.close() };
  }
  const generation = { id, client, watchdog, watch, model };
  const parsed_arguments = props.chat_template_caps.supports_object_arguments;
  const server = { slots, context_length, build: props.build_info };
  const states = await saved?.open({ client, watchdog, limits, server, batch });
  const selection = createSlotSelection({
    generate: createGeneration(generation),
    chatWithImages: images && createImageChat({ ...generation, ...images, parsed_arguments }),
    ...{ slots, batch },
    choice_slots: createChoiceSlots(client, watchdog.gone),
    trim: createSlotTrim({ client, trimmable: isTrimmable(header), batch }),
    states,
  });
  const { chatWithImages } = selection;
  const close = async (): Promise<void> => {
    await watchdog.close(selection.saveAll);
    await states?.settle();
  };
  return {
    ...{ ...loaded, ...tokenizer(client), close },
    generate(request, signal) {
      return selection.generate(checkedSampling(request, model), signal);
    },
    embed: (request, signal) => embedInSlots(requests, selection.lendSlot, request, signal),
    ...(chatWithImages && {
      chatWithImages(request, signal) {
        return chatWithImages(checkedSampling(checkedImageChat(request), model), signal);
      },
    }),
  };
}
