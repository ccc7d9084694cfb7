// The model of the catalogue that is the best for this machine, and the sentences that name it.
import { catalog, DEFAULT_MODEL, ONLY_FOR_TRYING } from "../../models/catalog.ts";
import type { MemoryFit } from "../inference/memory-estimator.ts";
import { formatBytes } from "../support/quantities.ts";
import type { Api } from "./api.ts";
import { printNote } from "./print.ts";

/** The fields of the API's models that decide. */
export interface ModelChoice {
  id: string;
  state: string;
  capabilities: string[];
  metadata: { size?: number };
  fit?: MemoryFit & { tokens_per_second?: number };
}

export interface BestModel {
  id: string;
  /** Bytes. */
  size: number;
  /** Of one answer; absent where nothing was measured. */
  tokens_per_second?: number;
  /** Whether this or another model that writes is here, beside the one for trying things out. */
  has_other: boolean;
}

/** As `bestOf`, of the models of the API. */
export async function findBestModel(api: Pick<Api, "json">): Promise<BestModel | undefined> {
  return bestOf((await api.json<{ data: ModelChoice[] }>("/v1/models?catalog=true")).data);
}

/** `data`: all models, those of the catalogue too. Undefined where none of the catalogue fits, and where all models are those of an adapter. */
export async function bestOf(data: readonly ModelChoice[]): Promise<BestModel | undefined> {
  const listed = new Set((await catalog()).map(({ id }) => id));
  const writing = data.filter(({ id, capabilities }) => id !== DEFAULT_MODEL && capabilities.includes("chat"));
  const best = chooseBest(writing.filter(({ id }) => listed.has(id)));
  if (best === undefined) return undefined;
  const { tokens_per_second } = best.fit!;
  return {
    ...{ id: best.id, size: best.metadata.size! },
    ...(tokens_per_second !== undefined && { tokens_per_second }),
    has_other: writing.some(({ state }) => state !== "available"),
  };
}

/** Tokens a second: about as fast as people read. */
const READING_SPEED = 5;

/**
 * The largest that lies on a card whole; else the largest that takes half of the memory at most, as other programs want theirs. Of those whose
 * speed is known, one that writes more slowly than people read is not the best.
 */
export function chooseBest(models: readonly ModelChoice[]): ModelChoice | undefined {
  const quick = models.filter(({ fit: { tokens_per_second = Infinity } = {} }) => tokens_per_second >= READING_SPEED);
  const known = (quick.length > 0 ? quick : models)
    .filter(({ fit, metadata }) => fit?.fits && metadata.size)
    .toSorted((a, b) => b.metadata.size! - a.metadata.size!);
  const on_card = known.find(({ fit }) => fit!.place === "card");
  return on_card ?? known.find(({ fit }) => fit!.needed_bytes <= fit!.available_bytes / 2) ?? known.at(-1);
}

/** `2.5 GB`, and about how fast it writes where that is known. */
export function describeBest({ size, tokens_per_second }: BestModel): string {
  return tokens_per_second === undefined ? formatBytes(size) : `${formatBytes(size)}, about ${tokens_per_second} tokens a second`;
}

/** Says before a conversation with the smallest model what is to be expected of it. */
export async function noteTrial(api: Pick<Api, "json">, model: string): Promise<void> {
  if (model !== DEFAULT_MODEL) return;
  const advice = await adviseBetterModel(api);
  printNote(advice === undefined ? ONLY_FOR_TRYING : `${ONLY_FOR_TRYING} ${advice}`);
}

/** For somebody who has no other model than the one for trying things out; undefined where there is no better one for this machine. */
export async function adviseBetterModel(api: Pick<Api, "json">): Promise<string | undefined> {
  const best = await findBestModel(api).catch(() => undefined);
  if (best === undefined || best.has_other) return undefined;
  return `For real answers: "ingle pull ${best.id}", ${describeBest(best)}`;
}
