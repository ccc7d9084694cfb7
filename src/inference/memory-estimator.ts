// Whether a model fits in memory, by the header of its file: for loads, and for the API.
import { stat } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import { cardLoad, type CardLoad, roughCardLoad } from "../../models/card-load.ts";
import type { GraphicsCard } from "../../models/graphics-cards.ts";
import { chooseLoad, estimateMemory, estimateRoughly, largestContext } from "../../models/memory-estimate.ts";
import type { ContextLoad, MemoryNeed, ModelSizes, RequestedLoad } from "../../models/memory-estimate.ts";
import { type AdapterOptions, cacheNumberBytes, findContradiction, findMisfit } from "../../models/adapter-options.ts";
import { scaledContext } from "../../models/rope-scaling.ts";
import { AdapterError } from "../../adapters/adapter.ts";
import { GgufError } from "../../models/gguf/cursor.ts";
import type { GgufHeader } from "../../models/gguf/header.ts";
import { taskFacts } from "../../models/gguf/task-facts.ts";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import { describeKind } from "../../models/tasks.ts";
import { invalidValue } from "../http/errors.ts";
import { quote } from "../support/quote.ts";
import type { LoadMemory } from "./memory-budget.ts";

/** As the API answers it; in bytes, and tokens of one slot. */
export interface MemoryFit {
  /** Of main memory. */
  needed_bytes: number;
  /** What all models together may take. */
  available_bytes: number;
  fits: boolean;
  /** Where its layers would lie; null where it does not fit. */
  place: "card" | "card_and_memory" | "memory" | null;
  /** What the engine calls the graphics cards that it sees; absent where it sees none. */
  cards?: string[];
  /** Bytes that would lie on these cards, and what is free there; absent where there is none. */
  card_bytes?: number;
  card_free_bytes?: number;
  /** Layers that would lie there, of how many, the output counted as one; absent without a card, and where the header is not here. */
  gpu_layers?: number;
  layers?: number;
  /** The context and the slots that `needed_bytes` is for: those of a load. */
  context: number;
  slots: number;
  /** The largest context that would fit; 0 for none. */
  largest_context: number;
}

export interface ModelFileFacts {
  header: GgufHeader;
  /** Bytes of further files that are loaded with this one. */
  extra_bytes: number;
  /** Of the model. */
  options?: AdapterOptions | undefined;
}

export interface ExpectedLoad {
  header: GgufHeader;
  /** Tokens of a slot. */
  context: number;
}

export interface MemoryEstimatorOptions {
  /** Generations at a time, of each model; absent: what memory allows. */
  slots?: number | undefined;
  /** Tokens a slot holds; absent: what the model's record says. */
  context?: number | undefined;
  /** Bytes that all models together may take. */
  budget: () => number;
}

/** `cards`: those that the engine of the model may fill; absent: none. */
export interface MemoryEstimator {
  /** Of an installed model. Throws `GgufError`, and what the disk throws. */
  facts(model: InstalledModel): Promise<ModelFileFacts>;
  /**
   * For a load, before anything native sees the file. Throws `AdapterError` `model_load_failed`, `ApiError` 400 for a model that no request
   * is for, and what the disk throws.
   */
  need(model: InstalledModel, load: RequestedLoad, cards?: readonly GraphicsCard[]): Promise<LoadMemory>;
  fitOfFile(facts: ModelFileFacts, settings: Model["settings"], cards?: readonly GraphicsCard[]): MemoryFit;
  /**
   * The header of an installed model, and the context of a load by it. It may be a second old: lists of models tell it, and a look at the
   * memory of the machine reads several files. Throws as `facts`.
   */
  expectedLoad(model: InstalledModel, cards?: readonly GraphicsCard[]): Promise<ExpectedLoad>;
  /** From the manifest, without its file; undefined where the manifest does not say enough. */
  roughFit(model: Model, cards?: readonly GraphicsCard[]): MemoryFit | undefined;
}

const MOST_HEADERS = 200;
const EXPECTED_MS = 1_000;

export function createMemoryEstimator({ slots, context, budget }: MemoryEstimatorOptions): MemoryEstimator {
  // The key changes when another file takes the place of this one.
  const headers = new LRUCache<string, Promise<GgufHeader>>({ max: MOST_HEADERS });

  const facts: MemoryEstimator["facts"] = async ({ path, extra_bytes = 0, adapter_options: options }) => {
    const { size, mtimeMs, ino } = await stat(path);
    const key = `${path} ${size} ${mtimeMs} ${ino}`;
    const header = headers.get(key) ?? readHeader(path);
    headers.set(key, header);
    const changes = await Promise.all((options?.lora ?? []).map(async ({ path }) => (await stat(path)).size));
    return { header: await header, extra_bytes: changes.reduce((a, b) => a + b, extra_bytes), options };
  };

  const expected = new LRUCache<string, Promise<ExpectedLoad>>({ max: MOST_HEADERS, ttl: EXPECTED_MS });
  const expectLoad = async (model: InstalledModel, cards: readonly GraphicsCard[]): Promise<ExpectedLoad> => {
    const read = await facts(model);
    const sizes = sizesOf(placesOf(read, cards));
    return { header: read.header, context: chooseLoad(setBy(model.settings), sizes, budget()).context };
  };

  const setBy = (settings: Model["settings"]): RequestedLoad => ({ slots, context: context ?? settings.ctx_len });
  const fitOf = (set: RequestedLoad, places: ModelPlaces): MemoryFit => {
    const sizes = sizesOf(places);
    const available_bytes = budget();
    const load = chooseLoad(set, sizes, available_bytes);
    const needed_bytes = sizes.total(load);
    const largest_context = sizes.largest(load.slots, available_bytes);
    const { cards, asked } = places;
    const on_cards = places.onCards(load);
    const fits = needed_bytes <= available_bytes && !lacksAsked(on_cards, asked);
    return {
      ...{ needed_bytes, available_bytes, fits, place: fits ? placeOf(on_cards) : null },
      ...(on_cards && { ...describeCards(cards), card_bytes: on_cards.bytes }),
      ...(on_cards?.layers && { gpu_layers: on_cards.layers.held, layers: on_cards.layers.all }),
      ...{ ...load, largest_context },
    };
  };

  return {
    facts,
    async need(model, load, cards = []) {
      const read = await facts(model).catch((error) => {
        if (!(error instanceof GgufError)) throw error;
        throw new AdapterError("model_load_failed", `Model "${model.id}" cannot be loaded: ${error.message}`, { cause: error });
      });
      assertRuns(model, read.header);
      assertFits(model.id, read);
      const places = placesOf(read, cards);
      const sizes = sizesOf(places);
      const chosen = chooseLoad(load, sizes, budget());
      const largestContext = (bytes: number): number => sizes.largest(chosen.slots, bytes);
      const { bytes = 0, layers, whole } = places.onCards(chosen) ?? {};
      // What somebody has set stays as it is.
      const gpu_layers = whole === false && places.asked === undefined ? layers?.held : undefined;
      return { load: chosen, total: sizes.total(chosen), card_bytes: bytes, gpu_layers, largestContext };
    },
    fitOfFile: (read, settings, cards = []) => fitOf(setBy(settings), placesOf(read, cards)),
    expectedLoad(model, cards = []) {
      const key = JSON.stringify([model.settings.ctx_len, model.adapter_options, model.path, cards]);
      const known = expected.get(key);
      if (known !== undefined) return known;
      const made = expectLoad(model, cards);
      expected.set(key, made);
      // A file that cannot be read now is looked at again with the next answer.
      made.catch(() => expected.delete(key));
      return made;
    },
    roughFit(
      { settings, adapter_options: options = {}, context_length, metadata: { size, token_bytes: half_floats } },
      cards = [],
    ) {
      if (size === undefined || half_floats === undefined) return undefined;
      const { context: trained } = scaledContext({ context_length }, options);
      const token_bytes = half_floats * ((cacheNumberBytes(options.cache_type_k) + cacheNumberBytes(options.cache_type_v)) / 4);
      const estimate = (load: ContextLoad): MemoryNeed => estimateRoughly(size, token_bytes, load);
      const onCards = (load: ContextLoad): CardLoad | undefined =>
        cards.length === 0 ? undefined : roughCardLoad({ cards, need: estimate(load), options });
      return fitOf(setBy(settings), { trained, estimate, onCards, cards, asked: options.gpu_layers });
    },
  };
}

/** What reads headers is imported with the first. */
async function readHeader(path: string): Promise<GgufHeader> {
  const { readGgufFile } = await import("../../models/gguf/header.ts");
  return readGgufFile(path);
}

/** What is to be known of a model to say where it lies. */
interface ModelPlaces {
  trained: number | undefined;
  estimate(load: ContextLoad): MemoryNeed;
  /** Undefined where there is no card. */
  onCards(load: ContextLoad): CardLoad | undefined;
  cards: readonly GraphicsCard[];
  /** Layers that somebody has set for the cards. */
  asked: number | undefined;
}

function placesOf({ header, extra_bytes, options = {} }: ModelFileFacts, cards: readonly GraphicsCard[]): ModelPlaces {
  const estimate = (load: ContextLoad): MemoryNeed => estimateMemory(header, load, extra_bytes, options);
  return {
    trained: scaledContext(header, options).context,
    estimate,
    onCards: (load) => (cards.length === 0 ? undefined : cardLoad(header, { cards, need: estimate(load), load, options })),
    ...{ cards, asked: options.gpu_layers },
  };
}

function sizesOf({ trained, estimate, onCards, cards }: ModelPlaces): ModelSizes {
  const total = (load: ContextLoad): number => estimate(load).total - (onCards(load)?.spared ?? 0);
  const largest = (fits: (load: ContextLoad) => boolean, slots: number): number =>
    largestContext(trained, (context) => fits({ slots, context }));
  return {
    ...{ trained, total },
    largest: (slots, bytes) => largest((load) => total(load) <= bytes, slots),
    ...(cards.length > 0 && { largestOnCards: (slots) => largest((load) => onCards(load)!.whole, slots) }),
  };
}

/** An engine that cannot put the layers there that somebody has set does not load. */
const lacksAsked = (on_cards: CardLoad | undefined, asked: number | undefined): boolean =>
  asked !== undefined && on_cards?.layers !== undefined && on_cards.layers.held < Math.min(asked, on_cards.layers.all);

function placeOf(on_cards: CardLoad | undefined): MemoryFit["place"] {
  if (on_cards === undefined || on_cards.bytes === 0) return "memory";
  return on_cards.whole ? "card" : "card_and_memory";
}

function describeCards(cards: readonly GraphicsCard[]): Pick<MemoryFit, "cards" | "card_free_bytes"> {
  return { cards: cards.map(({ name }) => name), card_free_bytes: cards.reduce((sum, { free_bytes }) => sum + free_bytes, 0) };
}

/** What the record asks of the engine holds until the record is changed: nothing is to be waited for. */
function assertFits(id: string, { header, options = {} }: ModelFileFacts): void {
  const fault = findContradiction(options) ?? findMisfit(options, header);
  if (fault === undefined) return;
  const message = `Model "${id}" cannot be loaded: its option "${fault.option}" cannot be used: ${fault.message}`;
  throw new AdapterError("model_load_failed", message, { lasting: true });
}

/** No `AdapterError`: such a load is not tried again later with more success, so nothing is to be waited for. */
function assertRuns({ id }: InstalledModel, header: GgufHeader): void {
  const facts = taskFacts(header);
  if (facts.output === undefined) return;
  const what = `${quote(id)} is ${describeKind(facts)}${header.architecture ? `, of the architecture ${quote(header.architecture)}` : ""}`;
  throw invalidValue(`${what}: ingle does not run it. Choose a model that writes text, embeds or ranks.`, "model");
}
