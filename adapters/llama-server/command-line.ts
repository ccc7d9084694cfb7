// The command line of llama-server. Whatever it would choose by itself, or change from one release to the next, is said.
import { availableParallelism } from "node:os";
import type { InstalledModel } from "../../models/manifest.ts";
import type { LoadOptions } from "../adapter.ts";
import { jinjaOf } from "./jinja-template.ts";

/** Tokens of one step: what a turn that is given up still takes at most, and what lies between two signs of life. */
const BATCH = 512;

/**
 * `trained`: tokens the model was trained on, where that is known. `states`: the folder for those of conversations, where they are kept.
 * The key comes through the environment: anybody can read a command line.
 */
export function argsOf(
  model: InstalledModel,
  options: LoadOptions,
  trained = Number.POSITIVE_INFINITY,
  states?: string,
): string[] {
  const { slots, threads = availableParallelism() } = options;
  const context = Math.min(options.context, trained);
  const { prompt_template } = model.settings;
  return Object.entries({
    ...{ "--model": model.path, "--mmproj": model.projector, "--alias": "model" },
    ...{ "--host": "127.0.0.1", "--port": 0, "--threads-http": slots + 4 },
    // Every slot has the whole context to itself, whatever the others do.
    ...{ "--parallel": slots, "--ctx-size": context * slots, "--no-kv-unified": true, "--no-context-shift": true },
    ...{ "--threads": threads, "--threads-batch": threads, "--batch-size": BATCH, "--ubatch-size": BATCH },
    // All layers go to the graphics processor where there is one: that is its default, and to say it is a warning where there is none.
    // Nothing is made smaller to fit.
    ...{ "--fit": "off", "--flash-attn": "auto", "--load-mode": "auto" },
    ...{ "--cont-batching": true, "--warmup": true, "--no-perf": true },
    // A store of old prompts would take memory that nobody has counted.
    ...{
      "--cache-prompt": true,
      "--cache-ram": 0,
      "--no-cache-idle-slots": true,
      "--cache-reuse": 0,
      "--slot-prompt-similarity": 0.1,
    },
    ...{ "--ctx-checkpoints": 32, "--checkpoint-min-step": 8192, "--slot-save-path": states },
    ...{ "--jinja": true, "--chat-template": prompt_template === undefined ? undefined : jinjaOf(prompt_template) },
    ...{ "--reasoning-format": "deepseek", "--reasoning": "auto", "--reasoning-budget": -1, "--no-prefill-assistant": true },
    // It answers ingle alone.
    ...{ "--offline": true, "--no-ui": true, "--no-agent": true, "--no-ui-mcp-proxy": true, "--slots": true },
    ...{ "--cors-origins": "localhost", "--no-cors-credentials": true, "--timeout": 86_400, "--sse-ping-interval": -1 },
    ...{ "--log-verbosity": 3, "--log-colors": "off", "--log-prefix": true, "--log-timestamps": true },
  }).flatMap(([flag, value]) => (value === undefined ? [] : value === true ? [flag] : [flag, String(value)]));
}
