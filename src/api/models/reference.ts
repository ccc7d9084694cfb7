// What the reference says of models, and of those that are loaded.
import * as v from "valibot";
import { AdapterOptions } from "../../../models/adapter-options.ts";
import { Pooling } from "../../../models/manifest.ts";
import {
  Count,
  deletedAnswer,
  described,
  LOAD_ERRORS,
  listOf,
  PAGE_ERRORS,
  READ_ERRORS,
  Seconds,
  WRITE_ERRORS,
  type Operation,
} from "../reference/operation.ts";
import { ListQuery, ModelChange, NewModel, OneQuery } from "./schema.ts";
import { StartRequest, StopRequest } from "./start-stop.ts";

const Size = v.nullable(Count);

const Fit = v.object({
  needed_bytes: described(Count, "Of main memory."),
  available_bytes: described(Count, "What all models together may take of that."),
  fits: v.boolean(),
  place: described(
    v.nullable(v.picklist(["card", "card_and_memory", "memory"])),
    "Where its layers would lie: on graphics cards, in part, or not; null where it does not fit.",
  ),
  cards: described(v.optional(v.array(v.string())), "The graphics cards that the engine of the model sees."),
  card_bytes: described(v.optional(Count), "What would lie on these cards."),
  card_free_bytes: described(v.optional(Count), "What is free there."),
  gpu_layers: described(v.optional(Count), "Layers that would lie there, the output counted as one."),
  layers: described(v.optional(Count), "All layers, the output counted as one."),
  ...{ context: described(Count, "Tokens of a slot, with which it was reckoned."), slots: Count },
  largest_context: described(Count, "The largest that would fit; 0 for none."),
  tokens_per_second: described(v.optional(v.number()), "Of one answer, where that follows from a measurement on this machine."),
});

export const ModelObject = v.object({
  ...{ id: v.string(), object: v.literal("model"), name: v.string(), version: v.string(), description: v.string() },
  format: v.picklist(["gguf", "api"]),
  ...{ created: Seconds, created_at: Seconds, owned_by: v.string(), license: v.optional(v.string()) },
  source_url: described(v.pipe(v.string(), v.url()), "Where it comes from; a URN where no address is known."),
  settings: v.object({ ctx_len: v.optional(Count), prompt_template: v.optional(v.string()) }),
  parameters: described(
    v.looseObject({
      ...{ temperature: v.nullable(v.number()), top_p: v.nullable(v.number()), stream: v.boolean(), max_tokens: Size },
      ...{ stop: v.array(v.string()), frequency_penalty: v.number(), presence_penalty: v.number() },
    }),
    "What a request gets that says nothing; null is what another server decides.",
  ),
  metadata: v.object({ author: v.string(), tags: v.array(v.string()), size: Count, cover: v.pipe(v.string(), v.url()) }),
  engine: described(v.string(), "The adapter that runs it."),
  adapter: v.optional(v.string()),
  adapter_options: described(v.optional(AdapterOptions), "What that is told of the model; `lora` is for the owner alone."),
  upstream: described(v.optional(v.looseObject({})), "The other servers that run it; for the owner alone."),
  sources: described(
    v.array(v.object({ filename: v.string(), type: v.string(), url: v.optional(v.string()), package: v.optional(v.string()) })),
    "Where its files come from.",
  ),
  state: v.picklist(["running", "loading", "stopped", "damaged", "available", "queued", "downloading", "waiting"]),
  problem: described(v.optional(v.string()), "What is wrong with a `damaged` one, and what to do."),
  partial_bytes: described(v.optional(Count), "Bytes of an unfinished download."),
  details: described(
    v.optional(
      v.object({
        ...{ architecture: v.nullable(v.string()), quantization: v.nullish(v.string()), parameter_count: v.nullish(v.number()) },
        ...{
          size_label: v.nullable(v.string()),
          context_length: Size,
          license: v.nullable(v.string()),
          chat_template: v.boolean(),
        },
      }),
    ),
    "From the header of its file, of one model alone.",
  ),
  fit: described(v.optional(Fit), "How much memory it takes, and whether that is there."),
  context_length: described(Size, "Tokens that it was trained for."),
  loaded_context_length: described(Size, "Tokens that a slot holds, or would hold after a load."),
  pooling: described(v.optional(Pooling), "How it makes a vector of a text, where its header says so."),
  embedding_length: described(v.optional(Size), "Numbers of its vectors."),
  capabilities: described(v.array(v.string()), "What it can be asked for, such as `chat` and `tools`."),
  tool_calls: described(
    v.optional(v.picklist(["native", "prompted", "unverified"])),
    "How its template calls tools, where that is known.",
  ),
  reasoning: described(v.optional(v.boolean()), "Whether it thinks, where that is known."),
});

const EngineObject = v.object({
  ...{ id: described(v.string(), "That of its model."), object: v.literal("engine") },
  state: v.picklist(["loading", "running", "stopping"]),
  adapter: described(v.nullable(v.string()), "What has loaded it; null before that."),
  memory_bytes: described(Size, "An estimate."),
  card_bytes: described(v.optional(Count), "What it takes on graphics cards, an estimate."),
  context_length: described(Size, "Tokens that a slot holds."),
  ...{ slots: Count, busy: described(Count, "Slots in use."), queued: described(Count, "Requests that wait for a slot.") },
  ...{ idle_s: Count, expires_at: v.nullable(Seconds), pinned: v.boolean() },
});

const State = v.object({ id: v.string(), object: v.literal("model"), state: v.picklist(["running", "stopped"]) });
const EXAMPLE_STATE = { id: "qwen3-4b", object: "model", state: "running" };

const TAG = "Models";
const ONE = "/v1/models/{model_id}";
const start = {
  ...{ path: `${ONE}/start`, tag: TAG, summary: "Load a model" },
  description: "Answers when it is loaded.",
  body: { schema: StartRequest, optional: true, examples: { pinned: { keep_alive: "30m", pinned: true } } },
  answer: { description: "It runs.", schema: State, example: EXAMPLE_STATE },
  errors: LOAD_ERRORS,
};
const stop = {
  ...{ path: `${ONE}/stop`, tag: TAG, summary: "Unload a model" },
  description: "Answers when its running requests have ended and it is unloaded.",
  body: { schema: StopRequest, optional: true, examples: { nothing: {} } },
  answer: { description: "It is unloaded.", schema: State, example: { ...EXAMPLE_STATE, state: "stopped" } },
  errors: ["404 model_not_found", "409 model_not_ready", ...READ_ERRORS],
};

export const modelOperations: Operation[] = [
  {
    ...{ id: "listModels", method: "get", path: "/v1/models", tag: TAG, summary: "List models" },
    description:
      "Those that are installed; with `catalog=true` also those that can be downloaded, and those that were added and are not here.",
    query: ListQuery,
    answer: { description: "The models.", schema: listOf(ModelObject) },
    errors: [...PAGE_ERRORS, ...READ_ERRORS],
  },
  {
    ...{ id: "createModel", method: "post", path: "/v1/models", tag: TAG, summary: "Add a model" },
    description: "By exactly one of `repo`, `source_url`, `path` and `base_url`; `download: true` starts its download.",
    body: {
      schema: NewModel,
      examples: {
        hub: { repo: "ggml-org/Qwen3-4B-GGUF:Q4_K_M", download: true },
        address: { id: "mine", source_url: "https://example.org/mine.gguf", sha256: "0".repeat(64) },
        file: { path: "/srv/models/mine.gguf" },
      },
    },
    answer: { description: "The model.", schema: ModelObject },
    errors: [
      ...["400 invalid_value", "400 url_not_allowed", "403 path_not_allowed", "403 url_not_allowed", "404 model_not_found"],
      ...["409 model_exists", "409 model_not_changeable", "409 model_not_downloadable", "429 too_many_pending"],
      ...["502 download_failed", "502 url_not_allowed", "503 server_stopping", ...WRITE_ERRORS],
    ],
  },
  {
    ...{ id: "getModel", method: "get", path: ONE, tag: TAG, summary: "Read a model" },
    description: "`fit=true` reads the header of a model that is not here at its source.",
    query: OneQuery,
    answer: { description: "The model.", schema: ModelObject },
    errors: [
      "400 invalid_value",
      "403 origin_not_allowed",
      "404 model_not_found",
      "502 download_failed",
      "502 url_not_allowed",
      ...READ_ERRORS,
    ],
  },
  {
    ...{ id: "changeModel", method: "patch", path: ONE, tag: TAG, summary: "Change how a model is run" },
    description: "Null takes back what was set. Requests that run go on as they are; the next one loads the model anew.",
    body: {
      schema: ModelChange,
      examples: {
        options: { adapter_options: { cache_type_k: "q8_0", cache_type_v: "q8_0", gpu_layers: null } },
        adapter: { adapter: "llama-server" },
      },
    },
    answer: { description: "The model.", schema: ModelObject },
    errors: ["400 invalid_value", "403 path_not_allowed", "404 model_not_found", "409 model_not_changeable", ...WRITE_ERRORS],
  },
  {
    ...{ id: "deleteModel", method: "delete", path: ONE, tag: TAG, summary: "Delete a model" },
    description: "Its files go with it, but for those that are used in place.",
    answer: deletedAnswer("model"),
    errors: ["404 model_not_found", "409 model_not_changeable", "409 model_not_ready", ...WRITE_ERRORS],
  },
  { id: "startModel", method: "post", ...start },
  { id: "startModelByPut", method: "put", ...start },
  { id: "stopModel", method: "post", ...stop },
  { id: "stopModelByPut", method: "put", ...stop },
  {
    ...{ id: "listLoadedModels", method: "get", path: "/v1/ps", tag: TAG, summary: "List loaded models" },
    answer: {
      description: "The engines.",
      schema: v.object({
        object: v.literal("list"),
        data: v.array(EngineObject),
        notice: described(v.optional(v.string()), "What is wrong with adapters, or with models that are not loaded."),
      }),
      example: { object: "list", data: [] },
    },
    errors: READ_ERRORS,
  },
];
