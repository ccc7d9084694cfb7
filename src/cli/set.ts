// `ingle set`: how a model that is known is used. A server that runs goes on with the old engine where requests use it, and loads the next one so.
import { defineCommand } from "citty";
import { PINNABLE_ADAPTERS } from "../../adapters/registry.ts";
import {
  type AdapterOption,
  type AdapterOptions,
  CACHE_TYPES,
  type LoraFile,
  ROPE_SCALINGS,
  SET_POOLINGS,
} from "../../models/adapter-options.ts";
import { splitAtCommas } from "../server/read-config.ts";
import { readSwitch } from "../server/switch-words.ts";
import { withApi } from "./api.ts";
import { CliError } from "./error.ts";
import { pathArgument } from "./path-argument.ts";
import { printResult } from "./print.ts";
import { DATA_ARGS, JSON_ARG } from "./setting-args.ts";
import { describeOptions } from "./show.ts";

/** Takes back what was set. */
const DEFAULT = "default";

interface ReadableOption {
  description: string;
  hint: string;
  /** What the API takes. Throws `CliError`. */
  read(text: string, flag: string): unknown;
}

const asText = (text: string): string => text;
const oneOf = (words: readonly string[]): Pick<ReadableOption, "hint" | "read"> => ({ hint: words.join("|"), read: asText });

const OPTION_ARGS: Record<AdapterOption, ReadableOption> = {
  gpu_layers: { description: "Layers that a graphics card computes", hint: "number", read: readNumber },
  cache_type_k: { description: "What the keys of a context are stored as", ...oneOf(CACHE_TYPES) },
  cache_type_v: { description: "What its values are stored as", ...oneOf(CACHE_TYPES) },
  flash_attention: { description: "Attention in one pass", hint: "on|off", read: readOnOff },
  rope_scaling: { description: "How positions are spread over a longer context", ...oneOf(ROPE_SCALINGS) },
  rope_factor: { description: "By how much the context becomes longer", hint: "number", read: readNumber },
  rope_original_context: { description: "Tokens that the model was trained on before", hint: "number", read: readNumber },
  rope_freq_base: { description: "Base of the frequencies of its positions", hint: "number", read: readNumber },
  pooling: { description: "How one vector is made of those of all tokens", ...oneOf(SET_POOLINGS) },
  lora: {
    description: "Files that change the model, with commas between them; PATH=0.5 adds half",
    hint: "path",
    read: readLora,
  },
};
const OPTIONS = Object.keys(OPTION_ARGS) as AdapterOption[];
const flagOf = (option: AdapterOption): string => option.replaceAll("_", "-");

const optionArgs = Object.fromEntries(
  OPTIONS.map((option) => {
    const { description, hint } = OPTION_ARGS[option];
    return [flagOf(option), { type: "string", description, valueHint: hint } as const];
  }),
);

export default defineCommand({
  args: {
    id: { type: "positional", required: true, description: "The model, as `ingle list` names it" },
    adapter: {
      type: "string",
      description: `Adapter that runs the model: ${PINNABLE_ADAPTERS.join(" or ")}`,
      valueHint: "name",
    },
    ...optionArgs,
    ...JSON_ARG,
    ...DATA_ARGS,
  },
  async run({ args: { id, adapter, json, ...flags } }) {
    const given = flags as Record<string, string | undefined>;
    const said = OPTIONS.filter((option) => given[flagOf(option)] !== undefined);
    if (adapter === undefined && said.length === 0)
      throw new CliError('Nothing is to be changed. "ingle set --help" lists what can be.', 2);
    const change = said.map((option) => [option, readOption(option, given[flagOf(option)]!)]);
    const body = {
      ...(adapter !== undefined && { adapter: adapter === DEFAULT ? null : adapter }),
      ...(said.length > 0 && { adapter_options: Object.fromEntries(change) }),
    };
    await withApi(given, { command: "set" }, async (api) => {
      const path = `/v1/models/${encodeURIComponent(id)}`;
      const model = await api.json<{ engine: string; adapter_options?: AdapterOptions }>(path, { method: "PATCH", body });
      const options = model.adapter_options === undefined ? "without options" : describeOptions(model.adapter_options);
      printResult(`${id} is run by ${model.engine}, ${options}.`, model, json);
    });
  },
});

function readOption(option: AdapterOption, text: string): unknown {
  return text === DEFAULT ? null : OPTION_ARGS[option].read(text, `--${flagOf(option)}`);
}

function readNumber(text: string, flag: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new CliError(`"${flag}" is "${text}". It must be a number, or "${DEFAULT}".`, 2);
}

function readOnOff(text: string, flag: string): boolean {
  const value = readSwitch(text);
  if (value !== undefined) return value;
  throw new CliError(`"${flag}" is "${text}". It must be on, off or "${DEFAULT}".`, 2);
}

/** Relative paths count from the folder of the command. */
function readLora(text: string, flag: string): LoraFile[] {
  return splitAtCommas(text).map((one) => {
    const [, path = one, scale] = /^(.*)=(-?\d+(?:\.\d+)?)$/.exec(one) ?? [];
    return { path: pathArgument(path, flag), ...(scale !== undefined && { scale: Number(scale) }) };
  });
}
