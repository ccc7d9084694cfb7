// thread.json of every age -> what of it a thread of ours keeps.
import type { Thread, ThreadAssistant } from "../storage/entities.ts";
import { BUILT_IN } from "../storage/entities.ts";
import type { ImportJob } from "./job.ts";
import { isObject, type JsonObject } from "../support/json.ts";
import { asArray, asObject, nonEmptyString } from "./json.ts";
import { fitMetadata } from "./metadata.ts";
import { findFirstTime, toSeconds } from "./times.ts";

const LONGEST_TITLE = 10_240;
const MOST_ASSISTANTS = 100;

export interface OldThread {
  /** Undefined where the old thread has none. */
  title: string | undefined;
  /** Milliseconds since 1970; undefined where the old thread does not say. */
  created: number | undefined;
  assistants: ThreadAssistant[];
  metadata: Thread["metadata"];
  losses: string[];
}

export function parseOldThread({ from, now, assistant_ids }: ImportJob, old_id: string, old: JsonObject): OldThread {
  const inner = asObject(old.metadata);
  // The title went there and came back again with cortex, between Jan 0.5.13 and 0.6.
  const title = nonEmptyString(old.title) ?? nonEmptyString(inner.title);
  const updated = findFirstTime(now, old.updated, old.updated_at);
  const losses: string[] = [];
  const metadata = fitMetadata(
    {
      imported_id: old_id.slice(0, 512),
      imported_from: from,
      ...(updated === undefined ? {} : { imported_updated_at: toSeconds(updated) }),
    },
    // The last message is in the thread itself, at its full length.
    Object.fromEntries(Object.entries(inner).filter(([key]) => key !== "title" && key !== "lastMessage")),
    losses,
  );
  const listed = asArray(old.assistants).filter((one) => isObject(one) || typeof one === "string");
  const assistants = listed
    .slice(0, MOST_ASSISTANTS)
    .map((one) => assistantOf(isObject(one) ? one : { id: one }, assistant_ids, losses));
  return {
    title: title?.slice(0, LONGEST_TITLE),
    created: findFirstTime(now, old.created, old.created_at),
    assistants: assistants.length > 0 ? assistants : [{ assistant_id: BUILT_IN }],
    metadata,
    losses,
  };
}

/** Where the newest Jan keeps the model of a thread that has no assistant. */
const NONE = "model-only";

function assistantOf(old: JsonObject, ids: ImportJob["assistant_ids"], losses: string[]): ThreadAssistant {
  const old_id = nonEmptyString(old.assistant_id) ?? nonEmptyString(old.id) ?? BUILT_IN;
  const name = old_id === NONE ? undefined : (nonEmptyString(old.assistant_name) ?? nonEmptyString(old.name));
  if (!ids.has(old_id) && old_id !== NONE) {
    losses.push(`Its assistant "${old_id.slice(0, 60)}" is not in the folder: "${BUILT_IN}" stands in its place.`);
  }
  return {
    assistant_id: ids.get(old_id) ?? BUILT_IN,
    assistant_name: name,
    instructions: nonEmptyString(old.instructions),
    model: isObject(old.model) ? modelOf(old.model) : undefined,
  };
}

/** `*` stands for any. */
function modelOf({ id, settings, parameters, engine }: JsonObject): ThreadAssistant["model"] {
  const model_id = nonEmptyString(id);
  return {
    id: model_id === "*" ? undefined : model_id,
    settings: isObject(settings) ? settings : undefined,
    parameters: isObject(parameters) ? parameters : undefined,
    engine: nonEmptyString(engine),
  };
}
