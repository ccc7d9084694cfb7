// The lines of a messages.jsonl, parsed, and as drafts of our messages, which have no id yet.
import type { Message } from "../storage/entities.ts";
import { LARGEST } from "../storage/drivers/fs-durable.ts";
import { contentOf } from "./content.ts";
import { tailOf } from "./ids.ts";
import type { ImportJob } from "./job.ts";
import { type JsonObject } from "../support/json.ts";
import { parseDocuments, nonEmptyString, type Documents } from "./json.ts";
import { fitMetadata } from "./metadata.ts";
import { decodeLossy } from "./lines.ts";
import type { OldFolder } from "./old-folder.ts";
import { findFirstTime, parseMilliseconds, parseUlidTime } from "./times.ts";

interface ParsedLine extends Documents {
  line: number;
  /** What was no UTF-8 has become "�". */
  mended: boolean;
}

/** Parses each line of a file. Throws `UnreadableError`. */
export async function* parseLines(folder: OldFolder, path: string): AsyncGenerator<ParsedLine> {
  for await (const { number: line, bytes } of folder.lines(path)) {
    if (bytes === undefined) {
      yield { line, mended: false, values: [], fault: "It is longer than any message." };
      continue;
    }
    const { text, mended } = decodeLossy(bytes);
    const found = parseDocuments(text);
    if (found.values.length === 0 && text.includes("\0")) found.fault ??= "It holds nothing but NUL bytes.";
    yield { line, mended, ...found };
  }
}

export interface MessageDraft {
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
export type DraftResult = { draft: MessageDraft } | { reason: string; system?: string };

export function draftMessage(value: JsonObject, { now, from }: Pick<ImportJob, "now" | "from">): DraftResult {
  const { role } = value;
  const { parts, lost } = contentOf(value);
  const size = JSON.stringify(parts).length;
  // A character takes up to three bytes: a larger record could be written but not be read again.
  if (size > LARGEST / 8) return { reason: `It takes ${size} characters, more than a message can keep.` };
  if (role !== "user" && role !== "assistant") return otherRole(role, parts.map(({ text }) => text.value).join("\n"));
  if (parts.length === 0) return { reason: `It has no text${lost.length > 0 ? `, only ${lost.join(", ")}` : ""}.` };
  const old_id = oldIdOf(value);
  const losses = lost.length > 0 ? [`Its text was taken, ${lost.join(", ")} left out.`] : [];
  const own = { ...(old_id === null ? {} : { imported_id: old_id.slice(0, 512) }), imported_from: from };
  const metadata = fitMetadata(own, value.metadata, losses);
  const status = statusOf(value.status);
  const draft: MessageDraft = {
    old_id,
    old_assistant: nonEmptyString(value.assistant_id) ?? null,
    time: findFirstTime(now, value.created_at, value.created) ?? (old_id === null ? undefined : parseUlidTime(old_id, now)),
    completed: parseMilliseconds(value.completed_at, now),
    fields: { role, content: parts, status, metadata },
    losses,
  };
  return { draft };
}

export function oldIdOf({ id }: JsonObject): string | null {
  return typeof id === "number" ? String(id) : (nonEmptyString(id) ?? null);
}

function otherRole(role: unknown, text: string): DraftResult {
  if (role === "system" && text !== "")
    return { system: text, reason: "It is a system message, which has no place in a thread of ours." };
  return { reason: typeof role === "string" ? `It has the role "${role.slice(0, 20)}".` : "It says no role." };
}

const FINISHED = ["ready", "completed", ""];

/** cortex gives no status to what is finished; an unknown word is not a promise that the text is whole. */
function statusOf(status: unknown): Message["status"] {
  return FINISHED.includes(String(status ?? "")) ? "completed" : "incomplete";
}

/**
 * Answers the tail of the id of each message of a file, in their order; undefined for a message that stands there once more. Two
 * that differ under the same id get two tails.
 */
export function createIdTails(): (value: JsonObject) => string | undefined {
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
