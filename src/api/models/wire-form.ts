// The wire form of a model.
import { type AdapterOptions, changedOptions } from "../../../models/adapter-options.ts";
import type { GgufHeader } from "../../../models/gguf/header.ts";
import type { InstalledModel, Model, TemplateAbilities } from "../../../models/manifest.ts";
import { isInside } from "../../../models/download/addresses.ts";
import { driverOf } from "../../../models/sources/registry.ts";
import type { Deps } from "../deps.ts";
import { tasksOf } from "../../../models/tasks.ts";
import { taskFields } from "./task-fields.ts";
import { documentMetadata, documentParameters, documentSettings } from "./document-fields.ts";
import { errorBody, toApiError } from "../../http/errors.ts";
import type { MemoryFit, ModelFileFacts } from "../../inference/memory-estimator.ts";

/** `damaged`: the record cannot be read. `available`: the model is in the catalogue or pending, and not here. */
export type ModelPresence = "installed" | "damaged" | "available";

export interface WireModelOptions {
  /** Add details and the memory fit, from the file, or from the manifest of a model that is not here. */
  fit?: boolean;
  /** Read them from the file at its source where the model is not here. */
  remote?: AbortSignal;
  /** The reader is the owner, who may know where files lie and which servers run the model. */
  for_owner?: boolean;
}

/** The published API's `Model`, OpenAI's `created` and `owned_by`, and the state of the model here. */
export async function toWireModel(record: Model, presence: ModelPresence, deps: Deps, options: WireModelOptions = {}) {
  const model = presence === "installed" ? await deps.library.withHeaderFacts(record) : record;
  const { files, upstream, ...fields } = withoutHeaderFacts(model);
  const { for_owner = false } = options;
  const sources = files.flatMap((file) =>
    file.sources.map((source) => {
      const { url, ...place } = driverOf(source).locate(source);
      const address = url === undefined || for_owner ? url : publicUrl(url);
      return { filename: file.name, type: source.type, ...place, ...(address !== undefined && { url: address }) };
    }),
  );
  const resolve = onlyOnce(() => deps.library.resolve(model));
  const { state, problem } = await readState(model, presence, deps, { resolve, for_owner });
  const adapter = deps.adapterOf(model);
  const adapter_options = visibleOptions(model, for_owner);
  const { context: loaded, header } = await readLoadedContext(model, presence, deps, resolve);
  const partial_bytes = state === "available" || state === "damaged" ? await deps.library.partialBytes(model.id) : 0;
  return {
    ...fields,
    ...(for_owner && upstream && { upstream }),
    created_at: model.created,
    source_url: sourceUrl(model, sources, for_owner),
    owned_by: model.owned_by || model.metadata.author || "",
    settings: await documentSettings(model, loaded ?? (await expectedContext(model, presence, deps)), header),
    parameters: documentParameters(model, deps.stream_default),
    metadata: documentMetadata(model),
    engine: adapter.name,
    ...(adapter_options && { adapter_options }),
    sources,
    state,
    ...(problem !== undefined && { problem }),
    ...(partial_bytes > 0 && { partial_bytes }),
    ...(await readFileFacts(model, presence, deps, { ...options, resolve })),
    context_length: model.context_length ?? null,
    loaded_context_length: loaded,
    ...taskFields(model, adapter.capabilities(model)),
    ...(presence === "installed" && abilitiesOf(model, deps)),
  };
}

/** What else a record has of the header is for engines, or answered in other words. */
function withoutHeaderFacts(model: Model) {
  const { template_tools: _1, template_kwargs: _2, template_thinking: _3, template_prompt: _4, ...rest } = model;
  const { template_abilities: _5, pooling: _6, causal: _7, output: _8, embedding_length: _9, ...more } = rest;
  const { matryoshka: _10, fill_in: _11, adapter_options: _12, ...fields } = more;
  return fields;
}

/** The options as a client may read them: where files lie is for the owner alone to know. */
function visibleOptions({ adapter_options }: Model, for_owner: boolean): AdapterOptions | undefined {
  return changedOptions(adapter_options, for_owner ? {} : { lora: null });
}

/** What is known of the template. What is not is found out for the next answer. */
function abilitiesOf(model: Model, { templates }: Deps): Partial<TemplateAbilities> {
  if (!tasksOf(model).includes("chat")) return {};
  const known = templates?.of(model);
  if (known !== undefined) return { tool_calls: known.tool_calls, reasoning: known.reasoning };
  templates?.ask(model);
  return {};
}

/** Finds the files of the model, as `Library.resolve`. */
type Resolve = () => Promise<InstalledModel>;

/** Each look costs several calls of the system, and they all are for one answer. */
function onlyOnce<T>(look: () => Promise<T>): () => Promise<T> {
  let looked: Promise<T> | undefined;
  return () => (looked ??= look());
}

/** Empty where nothing is known; `state` shows a broken file. */
async function readFileFacts(
  model: Model,
  presence: ModelPresence,
  deps: Deps,
  { fit = false, remote, resolve }: WireModelOptions & { resolve: Resolve },
) {
  const { estimator, fetchRemoteFacts, cardsOf } = deps;
  if (!fit || estimator === undefined || model.upstream !== undefined) return {};
  const facts =
    presence === "installed"
      ? await resolve()
          .then(estimator.facts)
          .catch(() => undefined)
      : remote && (await fetchRemoteFacts?.(model.id, remote));
  const cards = await cardsOf?.(model);
  if (facts !== undefined)
    return { details: detailsOf(facts), fit: withSpeed(estimator.fitOfFile(facts, model.settings, cards), model, deps) };
  const rough = presence === "installed" ? undefined : estimator.roughFit(model, cards);
  return rough && { fit: withSpeed(rough, model, deps) };
}

/** A measurement on a machine with cards says nothing of a model that is larger than the one that was timed: that lay there whole. */
function withSpeed(fit: MemoryFit, model: Model, { answerSpeed }: Deps): MemoryFit & { tokens_per_second?: number } {
  const speed = fit.cards === undefined && fit.fits ? answerSpeed?.(model) : undefined;
  return speed === undefined ? fit : { ...fit, tokens_per_second: Number(speed.toPrecision(2)) };
}

/** Tokens that a slot of the loaded model holds, or that one would hold after a load, by the header; null where that is not known. */
async function readLoadedContext(
  model: Model,
  presence: ModelPresence,
  { pool, estimator, cardsOf }: Deps,
  resolve: Resolve,
): Promise<{ context: number | null; header?: GgufHeader }> {
  const loaded = pool.list().find(({ id }) => id === model.id)?.context_length;
  if (loaded != null || presence !== "installed" || estimator === undefined || model.upstream !== undefined)
    return { context: loaded ?? null };
  return resolve()
    .then(async (installed) => estimator.expectedLoad(installed, await cardsOf?.(model)))
    .catch(() => ({ context: null }));
}

/** The same for a model whose file is not here, or cannot be read. */
async function expectedContext(model: Model, presence: ModelPresence, { estimator, cardsOf }: Deps): Promise<number | undefined> {
  const fit = presence === "available" ? estimator?.roughFit(model, await cardsOf?.(model)) : undefined;
  return fit?.context ?? model.context_length;
}

function detailsOf({ header }: ModelFileFacts) {
  const { architecture = null, quantization, parameters: parameter_count, size_label = null } = header;
  const { context_length = null, license = null } = header;
  const chat_template = header.chat_template !== undefined;
  return { architecture, quantization, parameter_count, size_label, context_length, license, chat_template };
}

/** `problem`: what is wrong with a damaged model, and what to do. */
async function readState(
  model: Model,
  presence: ModelPresence,
  { pool, downloads }: Deps,
  { resolve, for_owner }: { resolve: Resolve; for_owner: boolean },
) {
  const download = downloads.state(model.id);
  if (download === "downloading" || download === "queued" || download === "waiting") return { state: download };
  if (presence === "damaged") return { state: presence, problem: 'Its record cannot be read. "ingle check" says why.' };
  if (presence === "available") return { state: presence };
  const state = pool.state(model.id);
  if (state !== "stopped") return { state };
  const problem = await problemOf(resolve, for_owner);
  return problem === undefined ? { state } : { state: "damaged", problem };
}

/** What is wrong with the files of a model, in words. */
export async function problemOf(resolve: Resolve, for_owner: boolean): Promise<string | undefined> {
  return resolve().then(
    () => undefined,
    (error) => errorBody(toApiError(error), for_owner).error.message,
  );
}

/** The published API has an address for every model. */
function sourceUrl({ id, source_url, upstream }: Model, sources: { url?: string | undefined }[], for_owner: boolean): string {
  const address = [source_url, ...sources.map(({ url }) => url)].find((url) => URL.canParse(url ?? ""));
  if (address === undefined || (upstream !== undefined && !for_owner)) return toUrn(id);
  return for_owner ? address : (publicUrl(address) ?? toUrn(id));
}

/** Undefined for an address of this machine or its network, which is the owner's to know. A query may hold a key: it is left out. */
function publicUrl(address: string): string | undefined {
  const url = new URL(address);
  if (url.protocol === "file:" || isInside(url)) return undefined;
  if (url.search === "") return address;
  url.search = "";
  return url.href;
}

function toUrn(id: string): string {
  return `urn:ingle:${encodeURIComponent(id.toWellFormed())}`;
}
