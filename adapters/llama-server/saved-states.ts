// Whether the conversations of a model can be saved to the disk, and the folder of the states that fit the llama-server which runs it.
import { createHash } from "node:crypto";
import { readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GgufHeader } from "../../models/gguf/header.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import type { LoadOptions } from "../load-options.ts";
import { createStateFolder, makeStateFolder } from "../shared/kv-cache/state-folder.ts";
import { modelDigest, weightsDigest } from "../shared/kv-cache/weights-digest.ts";
import { fileStamp } from "../../models/file-stamp.ts";
import type { ProcessWatchdog } from "../shared/watchdog.ts";
import { commandLineArgs } from "./command-line.ts";
import type { LlamaServerClient } from "./http-client.ts";
import type { LlamaServerLimits } from "./process.ts";
import { createSlotStates, type LlamaServerSlotStates } from "./slot-states.ts";
import { llamaServerStateFormat } from "./state-file.ts";

export interface LlamaServerSavedStatesOptions {
  /** Path of llama-server. */
  program: string;
  model: InstalledModel;
  options: LoadOptions;
  header: GgufHeader;
  log: (line: string) => void;
}

export type LlamaServerSavedStates = NonNullable<Awaited<ReturnType<typeof prepareSavedStates>>>;

interface RunningLlamaServer {
  client: LlamaServerClient;
  watchdog: ProcessWatchdog;
  limits: LlamaServerLimits;
  /** As `batchSize`. */
  batch: number;
  /** What the server says of itself. */
  server: { slots: number; context_length: number; build: string | undefined };
}

/** Called before the start. Undefined where nothing is to be saved, and, with a line in the log, where nothing can be. */
export async function prepareSavedStates(setup: LlamaServerSavedStatesOptions) {
  const { program, model, options, header } = setup;
  const { kv_cache } = options;
  if (kv_cache === undefined) return undefined;
  const log = (line: string): void => setup.log(`${model.id}: ${line}`);
  const logNotSaved = (reason: string): undefined => void log(`Conversations are not saved to the disk: ${reason}`);
  if (!isTrimmable(header)) return logNotSaved("this model cannot forget a part of what it has read.");
  const { folder } = kv_cache;
  let files: string;
  try {
    files = await filesDigest(program, model);
    await makeStateFolder(kv_cache);
  } catch (error) {
    return logNotSaved((error as Error).message);
  }
  return {
    /** Absolute path of a folder that exists. */
    folder,
    /** For the llama-server that has been started since; undefined where a file was changed meanwhile. */
    async open({ client, watchdog, limits, server, batch }: RunningLlamaServer): Promise<LlamaServerSlotStates | undefined> {
      if ((await filesDigest(program, model).catch(() => undefined)) !== files) {
        return logNotSaved("the model or llama-server was changed while it was loaded.");
      }
      // All that decides the layout of the cells and the numbers in them.
      const args = commandLineArgs(withoutPaths(model), { ...options, threads: 1 }, { header, own_template: true });
      const key = createHash("sha256").update(JSON.stringify({ files, server, args })).digest();
      const states = createStateFolder(kv_cache, llamaServerStateFormat(key));
      await states.evict();
      return createSlotStates({ client, folder: states, batch, limits, gone: watchdog.gone, log });
    },
  };
}

/** There are no cells that a window or a recurrent layer has left behind, so such a model cannot go on from a part of a state or a slot. */
export function isTrimmable({ sliding_window, state_length, context_length = 0 }: GgufHeader): boolean {
  return state_length === 0 && (sliding_window === undefined || (context_length > 0 && sliding_window >= context_length));
}

/** Names and places of the files do not matter: their digest says what they are, and that of the model what its options are. */
function withoutPaths({ settings, projector }: InstalledModel): InstalledModel {
  return { id: "", path: "", settings, ...(projector !== undefined && { projector: "" }) };
}

const LIBRARY = /\.(so|dylib|dll)(\.[\d.]+)?$/;

/** Changes with the weights, the options, the projector, the program and the libraries beside it. */
async function filesDigest(program: string, model: InstalledModel): Promise<string> {
  const { projector } = model;
  const own = await realpath(program);
  const beside = (await readdir(dirname(own))).filter((name) => LIBRARY.test(name)).toSorted();
  const libraries = await Promise.all(
    beside.map(async (name) => [name, await fileStamp(join(dirname(own), name)).catch(() => "")]),
  );
  const whole = [modelDigest(model), ...[own, ...(projector === undefined ? [] : [projector])].map(weightsDigest)];
  return JSON.stringify([await Promise.all(whole), libraries]);
}
