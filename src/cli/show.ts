import { defineCommand } from "citty";
import type { AdapterOptions } from "../../models/adapter-options.ts";
import type { MemoryFit } from "../inference/memory-estimator.ts";
import { TASKS } from "../../models/tasks.ts";
import { withApi } from "./api.ts";
import { columns } from "./columns.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { asCalled } from "./invocation.ts";
import { print } from "./print.ts";
import { formatBytes } from "../support/quantities.ts";

export default defineCommand({
  args: {
    id: { type: "positional", required: true, description: "The model, as `ingle list --catalog` names it" },
    remote: { type: "boolean", default: false, description: "Read the header of a model that is not here from its source" },
    json: { type: "boolean", default: false, description: "JSON instead of lines" },
    ...DATA_ARGS,
  },
  run: ({ args: { id, remote, json, ...settings } }) =>
    withApi(settings, { command: "show", reads: true }, async (api) => {
      const path = `/v1/models/${encodeURIComponent(id)}?catalog=true${remote ? "&fit=true" : ""}`;
      const model = await api.json<ModelDetails>(path);
      print(json ? JSON.stringify(model, null, 2) : formatDetails(model));
    }),
});

/** The fields of the API's model that are shown. */
interface ModelDetails {
  id: string;
  name: string;
  description: string;
  state: string;
  problem?: string;
  license?: string;
  context_length: number | null;
  source_url: string;
  engine: string;
  capabilities: string[];
  pooling?: string;
  embedding_length?: number | null;
  adapter_options?: AdapterOptions;
  upstream?: { urls: string[]; model?: string; key_env?: string; slots?: number };
  partial_bytes?: number;
  metadata: { size: number };
  tool_calls?: "native" | "prompted" | "unverified";
  reasoning?: boolean;
  details?: { architecture: string | null; quantization: string; parameter_count: number; chat_template: boolean };
  fit?: MemoryFit;
}

function formatDetails({ details, fit, metadata, upstream, adapter_options, partial_bytes = 0, ...model }: ModelDetails): string {
  const rows: [string, string | undefined][] = [
    ["Id", model.id],
    ["Name", model.name === model.id ? undefined : model.name],
    ["About", model.description || undefined],
    ["State", partial_bytes > 0 ? `${model.state}, ${formatBytes(partial_bytes)} of it are here` : model.state],
    ["Problem", model.problem && asCalled(model.problem)],
    ["Size", metadata.size > 0 ? formatBytes(metadata.size) : undefined],
    ["Architecture", details?.architecture ?? undefined],
    ["Parameters", details && formatCount(details.parameter_count)],
    ["Quantisation", details?.quantization],
    ["Context", model.context_length === null ? undefined : `${model.context_length} tokens`],
    ["Chat template", details && (details.chat_template ? "in the file" : "none in the file")],
    ["Can do", TASKS.filter((task) => model.capabilities.includes(task)).join(", ") || "nothing that ingle asks for"],
    ["Embeddings", describeEmbeddings(model)],
    ["Tools", model.tool_calls && TOOL_CALLS[model.tool_calls]],
    ["Reasoning", model.reasoning === undefined ? undefined : model.reasoning ? "yes" : "no"],
    ["Licence", model.license],
    ["Source", upstream === undefined ? model.source_url : undefined],
    ["Servers", upstream?.urls.join(", ")],
    ["Name there", upstream?.model],
    ["Key in", upstream?.key_env],
    ["Requests each", upstream?.slots?.toString()],
    ["Adapter", model.engine],
    ["Options", adapter_options && describeOptions(adapter_options)],
    ["Memory", fit && describeFit(fit)],
    ["Graphics card", fit && describeCardFit(fit, adapter_options?.gpu_layers)],
  ];
  return columns(rows.filter((row): row is [string, string] => row[1] !== undefined));
}

function describeEmbeddings({
  pooling,
  embedding_length,
}: Pick<ModelDetails, "pooling" | "embedding_length">): string | undefined {
  if (pooling === undefined) return undefined;
  return `${embedding_length == null ? "" : `${embedding_length} numbers, `}${POOLINGS[pooling] ?? pooling}`;
}

const POOLINGS: Record<string, string> = {
  mean: "the mean of all tokens",
  cls: "of the first token",
  last: "of the last token",
};

/** As `ingle set` takes them. */
export function describeOptions({ flash_attention, lora, ...options }: AdapterOptions): string {
  const words = {
    ...options,
    ...(flash_attention !== undefined && { flash_attention: flash_attention ? "on" : "off" }),
    ...(lora && { lora: lora.map(({ path, scale }) => (scale === undefined ? path : `${path}=${scale}`)).join() }),
  };
  return Object.entries(words)
    .map(([name, value]) => `${name.replaceAll("_", "-")} ${value}`)
    .join(", ");
}

const TOOL_CALLS = {
  native: "called in the chat template's own words",
  prompted: "called in ingle's words: the chat template knows none",
  unverified: "tools unverified: how the chat template writes calls is not understood",
};

/** Whether it fits, in words; `ingle pull` warns with it. */
export function describeFit({ needed_bytes, available_bytes, fits, context, largest_context }: MemoryFit): string {
  const need = `about ${formatBytes(needed_bytes)} with a context of ${context} tokens, of ${formatBytes(available_bytes)} that there are`;
  if (fits || needed_bytes <= available_bytes) return need;
  return largest_context > 0 ? `${need}: too much. Up to --context ${largest_context} fits` : `${need}: too much`;
}

/** What lies on graphics cards, in words; undefined where there is none. `set`: layers that somebody has set. */
export function describeCardFit(fit: MemoryFit, set?: number): string | undefined {
  const { cards, card_bytes = 0, card_free_bytes = 0, place, gpu_layers, layers } = fit;
  if (cards === undefined) return undefined;
  const where = `${cards.join(", ")} with ${formatBytes(card_free_bytes)} free`;
  const bytes = `about ${formatBytes(card_bytes)}`;
  if (gpu_layers !== undefined && set !== undefined && gpu_layers < Math.min(set, layers!))
    return `room for ${gpu_layers} of the ${set} layers that are set, on ${where}: too much`;
  if (place === "card") return `the whole model, ${bytes}, on ${where}`;
  if (card_bytes === 0) return `none of it, on ${where}: the processor computes`;
  return `${gpu_layers === undefined ? "a part" : `${gpu_layers} of ${layers} layers`}, ${bytes}, on ${where}`;
}

function formatCount(parameters: number): string {
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)} B` : `${Math.round(parameters / 1e6)} M`;
}
