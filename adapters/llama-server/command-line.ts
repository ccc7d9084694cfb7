// The command line of llama-server. It names each setting that llama-server would choose by itself or may change with a release.
import { availableParallelism } from "node:os";
import type { AdapterOptions } from "../../models/adapter-options.ts";
import { embeddingSizes } from "../../models/embedding-sizes.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { CHECKPOINTS } from "../../models/memory-estimate.ts";
import { scaledContext } from "../../models/rope-scaling.ts";
import { embeddingPooling } from "../../models/tasks.ts";
import type { LoadOptions, ThreadWaiting } from "../load-options.ts";
import { jinjaTemplate } from "../shared/jinja-template.ts";
import { metadataOverrides, type OverriddenHeader } from "../shared/metadata-overrides.ts";

interface ModelFacts {
  /** Of the model's file; of a model without options it may be left out. */
  header?: OverriddenHeader | undefined;
  /** Of a model that writes nothing: one text is computed at a time. */
  one_text?: boolean;
  /** The folder of saved states, where states are saved. */
  states?: string | undefined;
  /** False where llama-server must not get the model's template, which it runs at its start. */
  own_template: boolean;
}

/** How eagerly a thread of a program that is built without OpenMP looks for work before it sleeps, of 100. */
const POLL: Record<ThreadWaiting, number> = { briefly: 0, long: 50 };

/**
 * Tokens that are computed at a time, of the `step` that a model may take: an aborted generation takes one more at most, and each is a sign of
 * life. llama.cpp ends the process at its start where the slots of a model that makes vectors do not divide them
 * (`GGML_ASSERT(ggml_can_mul_mat)`).
 */
export const batchSize = (step: number, slots: number): number => Math.max(slots, step - (step % slots));

/** The API key is in the environment instead: every user of the machine can read a command line. */
export function commandLineArgs(model: InstalledModel, options: LoadOptions, facts: ModelFacts): string[] {
  const { header = {}, states, own_template } = facts;
  const { threads = availableParallelism(), waiting = "briefly" } = options;
  const { context: trained = Number.POSITIVE_INFINITY } = scaledContext(header, model.adapter_options);
  const context = Math.min(options.context, trained);
  const slots = facts.one_text ? 1 : options.slots;
  const batch = batchSize(embeddingSizes(model, context).step, slots);
  const pooling = embeddingPooling(model);
  const { prompt_template } = model.settings;
  const template = prompt_template === undefined ? undefined : jinjaTemplate(prompt_template);
  return Object.entries({
    ...{ "--model": model.path, "--mmproj": model.projector, "--alias": "model" },
    ...{ "--host": "127.0.0.1", "--port": 0, "--threads-http": 2 * slots + 4 },
    // A context for each slot alone: what one slot reads takes no room from the others.
    ...{ "--parallel": slots, "--ctx-size": context * slots, "--no-kv-unified": true, "--no-context-shift": true },
    ...{ "--threads": threads, "--threads-batch": threads, "--poll": POLL[waiting] },
    ...{ "--batch-size": batch, "--ubatch-size": batch },
    // A model that writes makes vectors as well, at no cost to its chats.
    ...(pooling === "rank" ? { "--rerank": true } : { "--embedding": true, "--pooling": pooling }),
    ...{ "--fit": "off", "--load-mode": "auto", ...optionFlags(header, options, model.adapter_options) },
    ...{ "--cont-batching": true, "--warmup": true, "--no-perf": true },
    // A store of old prompts would take memory that the memory budget does not count.
    ...{ "--cache-prompt": true, "--cache-ram": 0, "--no-cache-idle-slots": true, "--cache-reuse": 0 },
    ...{
      "--slot-prompt-similarity": 0.1,
      "--ctx-checkpoints": CHECKPOINTS,
      "--checkpoint-min-step": 8192,
      "--slot-save-path": states,
    },
    ...{ "--jinja": true, "--chat-template": own_template ? template : "chatml" },
    ...{ "--reasoning-format": "deepseek", "--reasoning": "auto", "--reasoning-budget": -1, "--no-prefill-assistant": true },
    // ingle is the only client.
    ...{ "--offline": true, "--no-ui": true, "--no-agent": true, "--no-ui-mcp-proxy": true, "--slots": true },
    ...{ "--cors-origins": "localhost", "--no-cors-credentials": true, "--timeout": 86_400, "--sse-ping-interval": -1 },
    ...{ "--log-verbosity": 3, "--log-colors": "off", "--log-prefix": true, "--log-timestamps": true },
  }).flatMap(([flag, value]) => (value === undefined ? [] : value === true ? [flag] : [flag, String(value)]));
}

/** Left out is what llama-server chooses as we would. */
function optionFlags(
  header: OverriddenHeader,
  load: Pick<LoadOptions, "gpu_layers">,
  options: AdapterOptions = {},
): Record<string, string | number | undefined> {
  const { gpu_layers = load.gpu_layers, cache_type_k, cache_type_v, flash_attention, lora } = options;
  const overrides = metadataOverrides(header, options).map(({ key, type, value }) => `${key}=${type}:${value}`);
  return {
    // All layers on the graphics card is the default, and naming it is a warning where there is none. More than fit end the load.
    "--n-gpu-layers": gpu_layers,
    ...{ "--cache-type-k": cache_type_k, "--cache-type-v": cache_type_v },
    "--flash-attn": flash_attention === undefined ? "auto" : flash_attention ? "on" : "off",
    "--override-kv": overrides.length === 0 ? undefined : overrides.join(),
    // The scales are set later, as `--lora-scaled` takes no path with a colon.
    "--lora": lora?.map(({ path }) => `"${path.replaceAll('"', '""')}"`).join(),
  };
}
