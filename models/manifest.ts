// What a model is: the document's `Model`, with the files that it is made of and their sources.
import * as v from "valibot";
import { AdapterOptions } from "./adapter-options.ts";
import { isBaseUrl } from "./base-url.ts";
import { Source } from "./sources/registry.ts";

export const ModelFile = v.object({
  /** Plain file name, no folder. */
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/)),
  /** Bytes; absent where it is not known for certain. */
  size: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  /** Where it can be fetched from, in the order in which that is tried. */
  sources: v.optional(v.array(Source), []),
  /** Absent: weights, or a part of them. */
  role: v.optional(v.literal("projector")),
  /** Absolute path of a file used in place: never copied, never deleted. */
  path: v.optional(v.string()),
});
export type ModelFile = v.InferOutput<typeof ModelFile>;

const Probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Penalty = v.pipe(v.number(), v.minValue(-2), v.maxValue(2));

/** Names of environment variables that may hold a key for other servers: see `key_env`. */
export const KEY_VARIABLE = /^INGLE_UPSTREAM_[A-Z0-9_]{1,100}$/;

/** Servers with OpenAI's API that run a model: any of them may answer. */
export const Upstream = v.object({
  /** Each up to and with the version, such as `http://10.0.0.7:8000/v1`. */
  urls: v.pipe(v.array(v.pipe(v.string(), v.maxLength(2_000), v.check(isBaseUrl))), v.minLength(1), v.maxLength(100)),
  /** The model's id there; absent: its id here. */
  model: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(500))),
  /**
   * Name of the environment variable that holds the key; a key is never written down. The prefix is the owner's consent: a record,
   * also one that another server wrote to a shared store, cannot have any other variable of this process sent to its address.
   */
  key_env: v.optional(v.pipe(v.string(), v.regex(KEY_VARIABLE))),
  /** Requests that each server gets at a time; absent: 16. */
  slots: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(10_000))),
});
export type Upstream = v.InferOutput<typeof Upstream>;

/** How one vector is made of those of all tokens of a text, or, with `rank`, one number. */
export const Pooling = v.picklist(["none", "mean", "cls", "last", "rank"]);
export type Pooling = v.InferOutput<typeof Pooling>;

/** What samples of a chat template have shown. */
export const TemplateNote = v.object({
  /**
   * How answers call tools: in the template's own syntax; in that of a text of ours, where the template knows no tools; `unverified` where the
   * template shows calls in a way that is not understood.
   */
  tool_calls: v.picklist(["native", "prompted", "unverified"]),
  /** Whether answers may hold thoughts, which are told apart from their text. */
  reasoning: v.boolean(),
  /** The digest under which more is known of the template. */
  template: v.optional(v.string()),
  /** The release of llama.cpp that has rendered them. */
  llama_cpp: v.string(),
  /** That of ingle, which has read them. */
  ingle: v.optional(v.string()),
});
export type TemplateAbilities = Omit<TemplateNote, "llama_cpp" | "ingle">;
export type TemplateNote = v.InferOutput<typeof TemplateNote>;

const ModelObject = v.object({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(512)),
  object: v.optional(v.literal("model"), "model"),
  name: v.string(),
  version: v.optional(v.string(), "1.0"),
  description: v.optional(v.string(), ""),
  /** `api`: no file, but servers that run it. */
  format: v.optional(v.picklist(["gguf", "api"]), "gguf"),
  /** Seconds since 1970 of the installation; a manifest has none. */
  created: v.optional(v.pipe(v.number(), v.safeInteger()), 0),
  owned_by: v.optional(v.string(), ""),
  license: v.optional(v.string()),
  source_url: v.optional(v.string()),
  /** Tokens the model was trained on. */
  context_length: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  settings: v.optional(
    v.object({
      /** Tokens a slot is to hold; the command line's `--context` bounds it. */
      ctx_len: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(64))),
      /** Plain substitution of `{system_message}` and `{prompt}`; overrides the template of the file. */
      prompt_template: v.optional(v.pipe(v.string(), v.maxLength(16_384))),
    }),
    {},
  ),
  /** Defaults for requests. */
  parameters: v.optional(
    v.object({
      temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
      top_p: v.optional(Probability),
      stream: v.optional(v.boolean()),
      max_tokens: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
      stop: v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
      frequency_penalty: v.optional(Penalty),
      presence_penalty: v.optional(Penalty),
    }),
    {},
  ),
  metadata: v.optional(
    v.object({
      author: v.optional(v.string()),
      tags: v.optional(v.array(v.string())),
      /** Bytes of all files. */
      size: v.optional(v.number()),
      /** Bytes of memory that one token of context takes, for estimates without the file. */
      token_bytes: v.optional(v.number()),
      cover: v.optional(v.string()),
    }),
    {},
  ),
  /** Whether the chat template in its file knows tools; absent: its header was not read yet. */
  template_tools: v.optional(v.boolean()),
  /** The variables that the template reads: what `chat_template_kwargs` may give; absent as `template_tools`. */
  template_kwargs: v.optional(v.array(v.string())),
  /** Whether the template is one of a model that thinks; absent as `template_tools`. */
  template_thinking: v.optional(v.boolean()),
  /** The prompt that the template makes, in the form of `settings.prompt_template`, which it is not: nothing is rendered by it. */
  template_prompt: v.optional(v.string()),
  /** What samples of the template have shown; absent where it was not asked for since its files are these. */
  template_abilities: v.optional(TemplateNote),
  /** The type that most bytes of its weights are of, as ggml names it; absent where that was not read of its header. */
  weight_type: v.optional(v.string()),
  /** How the header says that vectors are made; absent where it says nothing. */
  pooling: v.optional(Pooling),
  /** Whether each token sees those before it alone, as in models that write; absent as `template_tools`. */
  causal: v.optional(v.boolean()),
  /** What it makes in place of a text's next token; absent where it makes that. */
  output: v.optional(v.picklist(["diffusion", "sound"])),
  /** Numbers of an embedding; absent as `template_tools`. */
  embedding_length: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  /** Whether the first numbers of an embedding are an embedding too, as the model was trained for; absent where nothing says so. */
  matryoshka: v.optional(v.boolean()),
  /** Whether its vocabulary has the tokens around a gap that it fills in; absent as `template_tools`. */
  fill_in: v.optional(v.boolean()),
  /** The adapter that runs it; absent: the server's choice. */
  engine: v.optional(v.string()),
  /** What it needs of that; absent: nothing but what its files say. */
  adapter_options: v.optional(AdapterOptions),
  /** The servers that run it instead of this machine; then it has no files. */
  upstream: v.optional(Upstream),
  files: v.array(ModelFile),
});

/** A manifest of the catalogue and, once installed, the record in the data folder. */
export const Model = v.pipe(
  ModelObject,
  v.check(({ files, upstream }) => files.length > 0 !== (upstream !== undefined), "A model has either files or an upstream."),
);
export type Model = v.InferOutput<typeof Model>;

/** What an adapter needs to know of a model. */
export interface InstalledModel extends Partial<Pick<Model, "pooling" | "causal">> {
  id: string;
  /** Absolute path of the weights, or of the first of their parts; empty for a model that has no files here. */
  path: string;
  /** Bytes of the further parts. */
  extra_bytes?: number;
  /** Absolute path of the projector (mmproj) that makes images readable for it. */
  projector?: string | undefined;
  upstream?: Upstream | undefined;
  adapter_options?: AdapterOptions | undefined;
  settings: Model["settings"];
}
