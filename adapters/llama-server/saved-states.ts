// Whether the states of a model's conversations are kept on the disk, and where those are that fit the llama-server that has it.
import { createHash } from "node:crypto";
import { mkdir, readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GgufHeader } from "../../models/gguf/header.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import type { LoadOptions } from "../adapter.ts";
import { createStateFolder } from "../shared/kv-cache/state-folder.ts";
import { fileStamp, weightsDigest } from "../shared/kv-cache/weights-digest.ts";
import { argsOf } from "./command-line.ts";
import type { Client } from "./http-client.ts";
import type { Life, LifeLimits } from "./watchdog.ts";
import { type ChatIn, createSeats, type Seats } from "./slot-selection.ts";
import { createSlotStates } from "./slot-states.ts";
import { serverStateFormat } from "./state-file.ts";

export interface KeptOptions {
  /** Path of llama-server. */
  program: string;
  model: InstalledModel;
  options: LoadOptions;
  header: GgufHeader;
  log: (line: string) => void;
}

export interface KeptStates {
  /** Absolute path, which is there. */
  folder: string;
  /** Of the llama-server that has been started since; undefined where a file was changed meanwhile. */
  seats(server: Listening): Promise<Seats | undefined>;
}

interface Listening {
  chat: ChatIn;
  client: Client;
  life: Life;
  limits: LifeLimits;
  /** As it told itself. */
  server: { slots: number; context_length: number; build: string | undefined };
}

/** Before the start. Undefined where nothing is to be kept, and, with a line in the log, where nothing can be. */
export async function keptStates(kept: KeptOptions): Promise<KeptStates | undefined> {
  const { program, model, options, header } = kept;
  const { kv_cache } = options;
  if (kv_cache === undefined) return undefined;
  const log = (line: string): void => kept.log(`${model.id}: ${line}`);
  if (!isTrimmable(header)) {
    log("Conversations are not kept on the disk: this model cannot forget a part of what it has read.");
    return undefined;
  }
  const { folder } = kv_cache;
  let files: string;
  try {
    files = await filesDigest(program, model);
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    log(`Conversations are not kept on the disk: ${(error as Error).message}`);
    return undefined;
  }
  return {
    folder,
    async seats({ chat, client, life, limits, server }) {
      if ((await filesDigest(program, model).catch(() => undefined)) !== files) {
        log("Conversations are not kept on the disk: the model or llama-server was changed amid a load.");
        return undefined;
      }
      // Whatever decides what the cells look like and which numbers stand in them.
      const setup = { files, server, args: argsOf(bare(model), { ...options, threads: 1 }, header.context_length) };
      const key = createHash("sha256").update(JSON.stringify(setup)).digest();
      const gone = new AbortController();
      void life.closed.then(() => gone.abort());
      const states = createStateFolder(kv_cache, serverStateFormat(key));
      await states.evict();
      const slots = createSlotStates({ client, folder: states, limits, gone: gone.signal, log });
      return createSeats({ chat, slots: server.slots, states: slots });
    },
  };
}

/** Else what is read back cannot be gone on from: what a window or a recurrent layer has left behind is not in the file. */
function isTrimmable({ sliding_window, state_length, context_length = 0 }: GgufHeader): boolean {
  return state_length === 0 && (sliding_window === undefined || (context_length > 0 && sliding_window >= context_length));
}

/** Where the files lie does not matter, nor does it how they are called: their digest says what they are. */
function bare({ settings, projector }: InstalledModel): InstalledModel {
  return { id: "", path: "", settings, ...(projector !== undefined && { projector: "" }) };
}

const LIBRARY = /\.(so|dylib|dll)(\.[\d.]+)?$/;

/** Changes with the weights, the projector, the program and the libraries beside it. */
async function filesDigest(program: string, { path, projector }: InstalledModel): Promise<string> {
  const own = await realpath(program);
  const beside = (await readdir(dirname(own))).filter((name) => LIBRARY.test(name)).toSorted();
  const libraries = await Promise.all(
    beside.map(async (name) => [name, await fileStamp(join(dirname(own), name)).catch(() => "")]),
  );
  const whole = [path, own, ...(projector === undefined ? [] : [projector])].map(weightsDigest);
  return JSON.stringify([await Promise.all(whole), libraries]);
}
