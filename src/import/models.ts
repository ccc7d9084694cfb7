// The models of the old folder that lie on this machine: their GGUF files are used where they are.
import { basename, join } from "node:path";
import { readGgufFile } from "../../models/gguf/header.ts";
import { whyUnusable } from "../../models/gguf/usable.ts";
import { whyNoModelId } from "../../models/model-id.ts";
import { quote } from "../support/quote.ts";
import { skipUnreadable, type ImportJob } from "./job.ts";
import { findModelFiles, MODEL_FOLDERS } from "./layout.ts";
import { parseManifest, toModel } from "./manifest.ts";
import type { ImportItem } from "./report.ts";
import { findFirstTime, toSeconds } from "./times.ts";
import { isModelName, findWeights } from "./weights.ts";

const LARGEST_FILE = 2 ** 18;

/** The absolute paths of weights that some manifest names, each with the id of the model that uses it; undefined where none does. */
type SeenWeights = Map<string, string | undefined>;

export async function importModels(job: ImportJob): Promise<void> {
  const seen: SeenWeights = new Map();
  const weights: string[] = [];
  for (const place of MODEL_FOLDERS) {
    const found = await findModelFiles(job.folder, place);
    weights.push(...found.weights);
    for (const { path, reason } of found.closed) job.report.skipped({ kind: "model", old_id: null, path }, reason);
    for (const path of found.manifests) {
      const item: ImportItem = { kind: "model", old_id: null, path };
      const reason = await skipUnreadable(job, item, () => importModel(job, item, place, seen));
      if (reason !== undefined) job.report.skipped(item, reason);
    }
  }
  for (const path of weights) {
    if (seen.has(join(job.folder.root, path)) || !isModelName(basename(path))) continue;
    job.report.skipped({ kind: "model", old_id: null, path }, "No model.json or model.yml that can be used describes it.");
  }
}

/** Takes the model, or answers the sentence why it cannot be taken. Fills in `old_id`. */
async function importModel(job: ImportJob, item: ImportItem, place: string, seen: SeenWeights): Promise<string | undefined> {
  const { folder, report, store } = job;
  const text = await folder.text(item.path, LARGEST_FILE);
  const manifest = parseManifest(item.path, text ?? "", place);
  if (typeof manifest === "string") return manifest;
  const { id } = manifest;
  item.old_id = id;
  const weights = await findWeights(folder, manifest);
  for (const path of weights.paths) seen.set(path, seen.get(path));
  if (weights.reason !== undefined) return weights.reason;

  const path = weights.files[0]!.path;
  const no_model = await whyNoModel(weights.files.map(({ path }) => path));
  if (no_model !== undefined) return no_model;
  const owner = seen.get(path);
  if (owner !== undefined) return `Its file is that of the model "${owner}" already.`;
  seen.set(path, id);
  const fault = whyNoModelId(id);
  if (fault !== undefined) return `Its id ${quote(id)} cannot be that of a model: ${fault}.`;
  if ((await store.models.ids()).includes(id)) {
    item.id = id;
    return (await isSame(job, id, path)) ? "It was imported before." : `Another model "${id}" is installed already.`;
  }
  const time = findFirstTime(job.now, manifest.old.created) ?? (await folder.modifiedAt(item.path)) ?? job.now;
  const { model, losses } = toModel(manifest, weights.files, toSeconds(time));
  await store.models.put(model);
  report.taken({ ...item, id }, losses);
  return undefined;
}

/** A file that cannot be read as GGUF is taken: it was the user's, and a load says what is wrong with it. */
async function whyNoModel(paths: string[]): Promise<string | undefined> {
  const header = await readGgufFile(paths[0]!).catch(() => undefined);
  const names = paths.map((path) => basename(path));
  return header && whyUnusable(header, names);
}

/** A damaged record is not the same. */
async function isSame({ store }: ImportJob, id: string, path: string): Promise<boolean> {
  const there = await store.models.get(id).catch(() => undefined);
  return there?.files[0]?.path === path;
}
