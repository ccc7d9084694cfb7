// The bodies of POST /v1/models and PATCH /v1/models/{id}, and the queries of the GETs.
import * as v from "valibot";
import { PINNABLE_ADAPTERS } from "../../../adapters/registry.ts";
import { ADAPTER_OPTIONS, AdapterOptions, type AdapterOptionsChange, LoraFile } from "../../../models/adapter-options.ts";
import { KEY_VARIABLE, Upstream } from "../../../models/manifest.ts";
import { PageQuery } from "../../http/paging.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { object, objectWithRest, withExample } from "../objects.ts";

const BAD_VARIABLE =
  '"key_env" must be the name of a variable that begins with INGLE_UPSTREAM_: no other one is sent to a server.';

const NO_OPTION = codedMessage("invalid_value", `That is no option of a model. There are ${ADAPTER_OPTIONS.join(", ")}.`);
const NO_LORA_FIELD = codedMessage("invalid_value", 'A file of "lora" has a path and a scale.');

const OptionsChange = objectWithRest(
  {
    ...Object.fromEntries(
      ADAPTER_OPTIONS.map((name) => [name, v.nullish(AdapterOptions.entries[name].wrapped as v.GenericSchema)]),
    ),
    lora: v.nullish(v.pipe(v.array(objectWithRest(LoraFile.entries, v.never(NO_LORA_FIELD))), v.minLength(1), v.maxLength(16))),
  },
  v.never(NO_OPTION),
) as v.GenericSchema<unknown, AdapterOptionsChange>;

const Address = v.pipe(v.string(), v.maxLength(2_000));

export const NewModel = object({
  /** What it may be, `checkNewId` says, with the way out. */
  id: v.optional(v.string()),
  /** `owner/repo`, `hf:owner/repo:Q4_K_M`, `owner/repo/file.gguf`. */
  repo: v.optional(v.pipe(v.string(), v.maxLength(500))),
  source_url: v.optional(Address),
  path: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(4_096))),
  sha256: v.optional(
    v.pipe(
      v.string(),
      v.toLowerCase(),
      // Registries of images write the algorithm before it.
      v.transform((sum) => sum.trim().replace(/^sha256:/, "")),
      v.regex(/^[0-9a-f]{64}$/, codedMessage("invalid_value", '"sha256" must be the 64 hexadecimal digits of a SHA-256.')),
    ),
  ),
  /** Bytes. */
  size: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  /** Only with the operator's key: the address may be plain http, or private. */
  allow_private: v.optional(v.boolean(), false),
  /** The adapter that runs the model, whatever the server's `--adapter` says. */
  adapter: v.optional(v.picklist(PINNABLE_ADAPTERS)),
  /** The older name of `adapter`. */
  engine: v.optional(v.picklist(PINNABLE_ADAPTERS)),
  /** What it needs of that; null takes one back. */
  adapter_options: v.optional(OptionsChange),
  /** Whether the download starts at once. */
  download: v.optional(v.boolean(), false),
  /** Only with the operator's key: servers that run the model; the next three are about them. */
  base_url: v.optional(
    v.union([Address, v.pipe(withExample(v.array(Address), ["http://10.0.0.2:8080/v1"]), v.minLength(1), v.maxLength(100))]),
  ),
  model: Upstream.entries.model,
  key_env: v.optional(v.pipe(v.string(), v.regex(KEY_VARIABLE, codedMessage("invalid_value", BAD_VARIABLE)))),
  slots: Upstream.entries.slots,
});
export type NewModel = v.InferOutput<typeof NewModel>;

export const ModelChange = objectWithRest(
  {
    /** Null: the server's choice. */
    adapter: v.nullish(v.picklist(PINNABLE_ADAPTERS)),
    adapter_options: v.optional(OptionsChange, {}),
  },
  v.never(codedMessage("invalid_value", 'Of a model, "adapter" and "adapter_options" can be changed.')),
);

const WithCatalog = object({ catalog: v.optional(v.picklist(["true", "false"])) });
export const ListQuery = object({ ...PageQuery.entries, ...WithCatalog.entries });
/** `fit=true` reads the header of the file at its source: that dials, so no web page may ask for it. */
export const OneQuery = object({ ...WithCatalog.entries, fit: v.optional(v.picklist(["true", "false"])) });
