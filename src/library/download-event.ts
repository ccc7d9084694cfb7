// What is said of a download job, from its start to its end.
import { DownloadError } from "../../models/download-errors.ts";
import { toApiError } from "../http/errors.ts";

export interface DownloadEvent {
  model_id: string;
  /** `queued`: as many as may run at a time do so. `waiting`: before another try, until `retry_at`. */
  state: "queued" | "waiting" | "downloading" | "done" | "failed" | "cancelled";
  /** Bytes that are on disk. */
  bytes: number;
  /** Bytes of the whole; absent while unknown. */
  total?: number;
  /** Bytes a second, over the last seconds. */
  rate: number;
  /** Where the bytes come from, in words; empty while none was asked. */
  source: string;
  /** Bytes that an earlier download had left. */
  resumed_from?: number;
  /** Why the source before this one was given up, or what is waited for. */
  problem?: string;
  /** What the owner is told instead. */
  owner_problem?: string;
  /** When the next try begins. Seconds since 1970. */
  retry_at?: number;
  /** The source is asked which files there are. */
  listing?: true;
  /** The bytes that are here are being checked. */
  checking?: true;
  /** Why it failed. `owner_message`: what the owner is told instead. */
  error?: { message: string; code: string | null; owner_message?: string | undefined };
}

export const isUnderWay = ({ state }: DownloadEvent): boolean => ["queued", "waiting", "downloading"].includes(state);

/** `error`: why the job ended, for one that was not cancelled. */
export function endOf(event: DownloadEvent, error: unknown, cancelled: boolean): DownloadEvent {
  const end = cancelled ? { state: "cancelled" as const } : { state: "failed" as const, error: errorOf(error) };
  return { ...event, ...end, rate: 0 };
}

function errorOf(error: unknown): NonNullable<DownloadEvent["error"]> {
  const { message, code, owner_message } = error instanceof DownloadError ? wordsOf(error) : toApiError(error);
  return { message, code, ...(owner_message !== message && { owner_message }) };
}

function wordsOf({ public_message, code, message }: DownloadError) {
  return { message: public_message, code, owner_message: message };
}
