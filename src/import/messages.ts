// The lines of a messages.jsonl, as they are and as messages of ours that have no id yet.
import type { Message } from "../storage/entities.ts";
import { LARGEST } from "../storage/drivers/fs-durable.ts";
import { contentOf } from "./content.ts";
import { tailOf } from "./ids.ts";
import type { Job } from "./job.ts";
import { type JsonObject } from "../support/json.ts";
import { documentsIn, textIn, type Documents } from "./json.ts";
import { droppedKeys, fitted } from "./metadata.ts";
import { textOf } from "./lines.ts";
import type { OldFolder } from "./old-folder.ts";
import { firstTime, millisecondsOf, timeOfUlid } from "./times.ts";

export interface Found extends Documents {
  line: number;
  /** What was no UTF-8 has become "�". */
  mended: boolean;
}

/** What each line holds. Throws `UnreadableError`. */
export async function* foundIn(folder: OldFolder, path: string): AsyncGenerator<Found> {
  for await (const { number: line, bytes } of folder.lines(path)) {
    if (bytes === undefined) {
      yield { line, mended: false, values: [], fault: "It is longer than any message." };
      continue;
    }
    const { text, mended } = textOf(bytes);
    const found = documentsIn(text);
    if (found.values.length === 0 && text.includes("\0")) found.fault ??= "It holds nothing but NUL bytes.";
    yield { line, mended, ...found };
  }
}

export interface Draft {
  old_id: string | null;
  old_assistant: string | null;
  /** Milliseconds since 1970; undefined where the old message does not say. */
  time: number | undefined;
  completed: number | undefined;
  fields: Pick<Message, "role" | "content" | "status" | "metadata">;
  /** Sentences: what of it was left behind. */
  losses: string[];
}

/** `system`: not a message of ours, but the instructions of the thread if it stands at its beginning. */
export type Drafted = { draft: Draft } | { reason: string; system?: string };

export function drafted(value: JsonObject, { now, from }: Pick<Job, "now" | "from">): Drafted {
  const { role } = value;
  const { parts, lost } = contentOf(value);
  const size = JSON.stringify(parts).length;
  // Of up to three bytes each: what is larger could be written but not be read again.
  if (size > LARGEST / 8) return { reason: `It takes ${size} characters, more than a message can keep.` };
  if (role !== "user" && role !== "assistant") return otherRole(role, parts.map(({ text }) => text.value).join("\n"));
  if (parts.length === 0) return { reason: `It has no text${lost.length > 0 ? `, only ${lost.join(", ")}` : ""}.` };
  const old_id = oldIdOf(value);
  const metadata = fitted(
    { ...(old_id === null ? {} : { imported_id: old_id.slice(0, 512) }), imported_from: from },
    value.metadata,
  );
  const status = statusOf(value.status);
  const draft: Draft = {
    old_id,
    old_assistant: textIn(value.assistant_id) ?? null,
    time: firstTime(now, value.created_at, value.created) ?? (old_id === null ? undefined : timeOfUlid(old_id, now)),
    completed: millisecondsOf(value.completed_at, now),
    fields: { role, content: parts, status, metadata: metadata.metadata },
    losses: [lost.length > 0 ? `Its text was taken, ${lost.join(", ")} left out.` : [], droppedKeys(metadata) ?? []].flat(),
  };
  return { draft };
}

export function oldIdOf({ id }: JsonObject): string | null {
  return typeof id === "number" ? String(id) : (textIn(id) ?? null);
}

function otherRole(role: unknown, text: string): Drafted {
  if (role === "system" && text !== "")
    return { system: text, reason: "It is a system message, which has no place in a thread of ours." };
  return { reason: typeof role === "string" ? `It has the role "${role.slice(0, 20)}".` : "It says no role." };
}

const FINISHED = ["ready", "completed", ""];

/** What says nothing is finished, as cortex has it; a word that nobody knows is no promise that the text is whole. */
function statusOf(status: unknown): Message["status"] {
  return FINISHED.includes(String(status ?? "")) ? "completed" : "incomplete";
}

/**
 * Tells the messages of one file apart, in its order: the tail of each one's id. Undefined for one that stands there once more;
 * two that differ under the same id are two.
 */
export function createTails(): (value: JsonObject) => string | undefined {
  const documents = new Set<string>();
  const counts = new Map<string, number>();
  return (value) => {
    const old_id = oldIdOf(value);
    const document = tailOf("document", JSON.stringify(value));
    if (old_id !== null && documents.has(document)) return undefined;
    documents.add(document);
    const key = old_id ?? document;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return tailOf("message", count === 1 ? key : `${key}\n${count}`);
  };
}
