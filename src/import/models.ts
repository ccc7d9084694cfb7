// The models of the old folder that lie on this machine: their GGUF files are used where they are.
import { basename, join } from "node:path";
import { KINDS } from "../storage/store.ts";
import type { Job } from "./job.ts";
import { manifestsIn, MODEL_FOLDERS } from "./layout.ts";
import { manifestOf, modelOf } from "./manifest.ts";
import { UnreadableError } from "./old-folder.ts";
import type { Item } from "./report.ts";
import { firstTime, seconds } from "./times.ts";
import { isModelName, weightsOf } from "./weights.ts";

const LARGEST_FILE = 2 ** 18;
const LONGEST_ID = 200;

/** Absolute paths of weights. */
interface Seen {
  /** Each with the id of the model that uses it. */
  used: Map<string, string>;
  /** Those that some manifest speaks of, usable or not. */
  mentioned: Set<string>;
}

/** Throws what the store throws. */
export async function importModels(job: Job): Promise<void> {
  const seen: Seen = { used: new Map(), mentioned: new Set() };
  const weights: string[] = [];
  for (const place of MODEL_FOLDERS) {
    const found = await manifestsIn(job.folder, place);
    weights.push(...found.weights);
    for (const { path, reason } of found.closed) job.notes.skipped({ kind: "model", old_id: null, path }, reason);
    for (const path of found.manifests) await take(job, { kind: "model", old_id: null, path }, place, seen);
  }
  for (const path of weights) {
    if (seen.mentioned.has(join(job.folder.root, path)) || !isModelName(basename(path))) continue;
    job.notes.skipped({ kind: "model", old_id: null, path }, "No model.json or model.yml that can be used describes it.");
  }
}

async function take(job: Job, item: Item, place: string, seen: Seen): Promise<void> {
  try {
    const reason = await refusal(job, item, place, seen);
    if (reason !== undefined) job.notes.skipped(item, reason);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    job.notes.skipped(item, error.message);
  }
}

/** Takes the model, or answers the sentence why it cannot be taken. Fills in `old_id`. */
async function refusal(job: Job, item: Item, place: string, { used, mentioned }: Seen): Promise<string | undefined> {
  const { folder, notes, store } = job;
  const text = await folder.text(item.path, LARGEST_FILE);
  const manifest = manifestOf(item.path, text ?? "", place);
  if (typeof manifest === "string") return manifest;
  const { id } = manifest;
  item.old_id = id;
  const weights = await weightsOf(folder, manifest);
  for (const path of weights.paths) mentioned.add(path);
  if (weights.reason !== undefined) return weights.reason;

  const path = weights.files[0]!.path;
  const owner = used.get(path);
  if (owner !== undefined) return `Its file is that of the model "${owner}" already.`;
  used.set(path, id);
  if (id === "" || id.length > LONGEST_ID || KINDS.models.toKey(id) === undefined)
    return "It has no id, or one that is too long.";
  if ((await store.models.ids()).includes(id)) {
    item.id = id;
    return (await isSame(job, id, path)) ? "It was imported before." : `Another model "${id}" is installed already.`;
  }
  const time = firstTime(job.now, manifest.created) ?? (await folder.changed(item.path)) ?? job.now;
  const { model, losses } = modelOf(manifest, weights.files, seconds(time));
  await store.models.put(model);
  notes.taken({ ...item, id });
  for (const loss of losses) notes.reduced({ ...item, id }, loss);
  return undefined;
}

/** A damaged record is not the same. */
async function isSame({ store }: Job, id: string, path: string): Promise<boolean> {
  const there = await store.models.get(id).catch(() => undefined);
  return there?.files[0]?.path === path;
}
