// assistants/*/assistant.json -> assistants of ours, whose ids are noted in the job.
import { BUILT_IN, type Assistant } from "../storage/entities.ts";
import { byTail, idOf, tailOf } from "./ids.ts";
import { listFolders, skipUnreadable, type ImportJob } from "./job.ts";
import { isObject, type JsonObject } from "../support/json.ts";
import { asArray, asObject, parseDocuments, nonEmptyString } from "./json.ts";
import { fitMetadata } from "./metadata.ts";
import type { ImportItem } from "./report.ts";
import { findFirstTime, toSeconds } from "./times.ts";

const LARGEST_FILE = 2 ** 20;

export async function importAssistants(job: ImportJob): Promise<void> {
  const known = byTail(await job.store.assistants.ids());
  for (const name of await listFolders(job, "assistants", "assistant")) {
    const item: ImportItem = { kind: "assistant", old_id: name, path: `assistants/${name}/assistant.json` };
    const old = await skipUnreadable(job, item, () => readOldAssistant(job, item));
    if (old !== undefined) await importAssistant(job, item, old, known);
  }
}

async function readOldAssistant({ folder, report }: ImportJob, item: ImportItem): Promise<JsonObject | undefined> {
  const text = await folder.text(item.path, LARGEST_FILE);
  const { values, fault } = parseDocuments(text ?? "");
  const [old] = values;
  if (text === undefined) report.skipped(item, "The folder has no assistant.json.");
  else if (old === undefined) report.skipped(item, fault ?? "It holds no assistant.");
  else if (fault !== undefined) report.reduced(item, fault);
  return old;
}

/** `known`: ids of assistants that are here, by their tails. */
async function importAssistant(job: ImportJob, item: ImportItem, old: JsonObject, known: Map<string, string>) {
  const name = item.old_id!;
  item = { ...item, old_id: nonEmptyString(old.id) ?? name };
  const { report, store, assistant_ids } = job;
  if (name === BUILT_IN && isUntouched(old)) return report.skipped({ ...item, id: BUILT_IN }, "It is built in here too.");
  const tail = tailOf("assistant", name);
  const there = known.get(tail);
  const time = findFirstTime(job.now, old.created_at, old.created) ?? (await job.folder.modifiedAt(item.path)) ?? job.now;
  const id = there ?? idOf("asst_", time, tail);
  for (const old_id of [name, item.old_id!]) assistant_ids.set(old_id, id);
  if (there !== undefined) return report.skipped({ ...item, id }, "It was imported before.");

  const { assistant, losses } = toAssistant(job, { ...old, id: item.old_id }, id, toSeconds(time));
  await store.assistants.put(assistant);
  report.taken({ ...item, id }, losses);
}

/** Jan's own assistant changed its instructions with many versions: one that has any is kept beside ours, under its name. */
function isUntouched({ name, instructions }: JsonObject): boolean {
  return (nonEmptyString(name) ?? "Jan") === "Jan" && nonEmptyString(instructions) === undefined;
}

function toAssistant({ from }: ImportJob, old: JsonObject, id: string, created_at: number) {
  const losses: string[] = [];
  const clipped = (field: string, most: number): string | null => {
    const text = nonEmptyString(old[field]) ?? null;
    if (text !== null && text.length > most) losses.push(`Its ${field} was cut after ${most} characters.`);
    return text?.slice(0, most) ?? null;
  };
  const { temperature, top_p, ...parameters } = asObject(old.parameters);
  // Our avatar is a URI, Jan's mostly an emoji.
  const avatar = nonEmptyString(old.avatar);
  const old_metadata = {
    ...(avatar !== undefined && !URL.canParse(avatar) ? { avatar } : {}),
    ...(Object.keys(parameters).length > 0 ? { parameters } : {}),
    ...asObject(old.metadata),
  };
  const tools = asArray(old.tools)
    .filter(isObject)
    .filter(({ enabled }) => enabled !== false);
  // Jan's own tool reads files, which nothing here does.
  const kept = tools.filter(
    (tool): tool is JsonObject & { type: string } => nonEmptyString(tool.type) !== undefined && tool.type !== "retrieval",
  );
  if (kept.length < tools.length) losses.push("Its tool that reads files was left out.");
  const assistant: Assistant = {
    id,
    object: "assistant",
    version: 1,
    created_at,
    name: clipped("name", 256),
    description: clipped("description", 512),
    avatar: avatar !== undefined && URL.canParse(avatar) && avatar.length <= 10_240 ? avatar : null,
    models: modelsOf(old.model),
    instructions: clipped("instructions", 256_000),
    events: { in: [], out: [] },
    metadata: fitMetadata({ imported_id: String(old.id).slice(0, 512), imported_from: from }, old_metadata, losses),
    tools: kept.slice(0, 128),
    temperature: within(temperature ?? old.temperature, 2),
    top_p: within(top_p ?? old.top_p, 1),
  };
  return { assistant, losses };
}

/** `*` stands for any. */
function modelsOf(model: unknown): Assistant["models"] {
  const model_id = nonEmptyString(isObject(model) ? model.id : model);
  return model_id === undefined || model_id === "*" || model_id.length > 200 ? [] : [{ model_id }];
}

function within(value: unknown, most: number): number | null {
  return typeof value === "number" && value >= 0 && value <= most ? value : null;
}
