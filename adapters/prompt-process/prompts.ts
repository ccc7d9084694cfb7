// The server's side of the prompt process: whose question is next, and what becomes of those that end the process.
import type { InstalledModel } from "../../models/manifest.ts";
import { AdapterError } from "../adapter.ts";
import type { Prompts } from "../prompts.ts";
import { loadFailure } from "../shared/load-failure.ts";
import { askSamples, type TemplateSamples } from "./ask-samples.ts";
import { createKeptFacts, type KeptFactsOptions } from "./kept-facts.ts";
import { createModelPrompts, RENDER_MS } from "./model-prompts.ts";
import { type PromptProcess, PromptProcessEnd, type PromptProcessOptions, startPromptProcess } from "./process.ts";
import type { Answers } from "./protocol.ts";
import { createQuestionQueue } from "./question-queue.ts";

// In milliseconds. The process may have to be started before it reads a file, and the disk may be slow.
const READ_MS = 20_000;
// In bytes. Vocabularies take some 20 to 80 MB each.
const MEMORY = 1024 * 1024 * 1024;
const VOCABULARY_MEMORY = 100 * 1024 * 1024;

export interface PromptsOptions extends Omit<PromptProcessOptions, "memory"> {
  /** Where what is known of templates is kept; absent: in memory alone. */
  kept?: KeptFactsOptions | undefined;
}

/** One model as the process has to open it. */
interface KnownModel {
  key: number;
  installed: InstalledModel;
  /** It has ended the process that read it, so it is never read again. */
  refused?: PromptProcessEnd;
}

export function createPrompts({ kept, ...options }: PromptsOptions): Prompts {
  const facts = createKeptFacts(kept);
  const models = new Set<KnownModel>();
  const queue = createQuestionQueue<KnownModel>();
  let current: { process: PromptProcess; opened: Map<KnownModel, Answers["open"]> } | undefined;
  let next_key = 0;
  let closed = false;

  const connect = () => {
    if (closed) throw new AdapterError("engine_unavailable", "The server is stopping.");
    if (current === undefined || current.process.ended) {
      current = {
        process: startPromptProcess({ ...options, memory: MEMORY + models.size * VOCABULARY_MEMORY }),
        opened: new Map(),
      };
    }
    return current;
  };

  /** The process, with the model read. Throws `PromptProcessEnd` where reading it ends the process. */
  const processOf = async (model: KnownModel) => {
    if (model.refused !== undefined) throw model.refused;
    if (!models.has(model)) throw engineStopped();
    const { process, opened } = connect();
    const { key, installed } = model;
    if (!opened.has(model)) {
      const { id, path, settings } = installed;
      const question = { type: "open", model: key, id, path, prompt_template: settings.prompt_template } as const;
      opened.set(model, await process.ask(question, [READ_MS]));
      if (!models.has(model)) process.forget(key);
    }
    return { process, open: opened.get(model)! };
  };

  /**
   * Asks when it is the model's turn, of a process that has read it. A process that ends by itself may have been ended from outside, so it
   * is asked twice.
   */
  const ask = <T>(model: KnownModel, signal: AbortSignal, use: (open: Awaited<ReturnType<typeof processOf>>) => Promise<T>) =>
    queue.add(model, signal, async () => {
      let process: PromptProcess | undefined;
      for (let again = false; ; again = true)
        try {
          process = undefined;
          const open = await processOf(model);
          ({ process } = open);
          return await use(open);
        } catch (error) {
          if (!(error instanceof PromptProcessEnd) || error.reason === "start") throw unavailable(error);
          const reading = process === undefined;
          if (error.reason === "crash" && !again) continue;
          if (reading) model.refused = error;
          throw error;
        }
    });

  const forget = (model: KnownModel): void => {
    models.delete(model);
    queue.clear(model, engineStopped());
    current?.process.forget(model.key);
    current?.opened.delete(model);
    // A server without models keeps no process.
    if (models.size > 0) return;
    void current?.process.close();
    current = undefined;
  };

  return {
    async open(installed, signal) {
      const model: KnownModel = { key: next_key++, installed };
      models.add(model);
      try {
        const { open } = await ask(model, signal, async (opened) => opened).catch((error) => {
          throw error instanceof PromptProcessEnd ? unreadable(installed, error) : error;
        });
        return createModelPrompts({
          ...{ key: model.key, opened: open, samples: await samplesOf(model, open.template, signal) },
          ask: (signal, use) => ask(model, signal, ({ process }) => use(process)),
          close: () => forget(model),
        });
      } catch (error) {
        forget(model);
        signal.throwIfAborted();
        throw error;
      }
    },
    knownTemplate: facts.get,
    async close() {
      closed = true;
      for (const model of models) queue.clear(model, new AdapterError("engine_unavailable", "The server is stopping."));
      models.clear();
      await current?.process.close();
      current = undefined;
    },
  };

  /** A template that ended the process is asked again: a busy machine may have been the reason. */
  async function samplesOf(model: KnownModel, template: string, signal: AbortSignal): Promise<TemplateSamples> {
    const known = await facts.get(template);
    if (known?.bounded) return known;
    const samples = await askSamples(model.key, (question) =>
      ask(model, signal, ({ process }) => process.ask(question, [RENDER_MS])),
    );
    const { unbounded: _, ...found } = samples;
    await facts.put(template, found);
    return samples;
  }
}

const engineStopped = (): AdapterError => new AdapterError("engine_unavailable", "The engine was stopped.");

function unavailable(error: unknown): unknown {
  if (!(error instanceof PromptProcessEnd)) return error;
  const public_message = "The process for chat templates cannot be started. The server's log says why.";
  const message = `The process for chat templates cannot be started (${error.message}).`;
  return new AdapterError("engine_unavailable", message, { public_message });
}

function unreadable({ id, path }: InstalledModel, { message, lines }: PromptProcessEnd): AdapterError {
  return loadFailure({ id, path, lines, otherwise: `a process ended with ${message} while reading it` });
}
