// What the reference says of downloads.
import * as v from "valibot";
import { Count, described, READ_ERRORS, WRITE_ERRORS, type Operation } from "../reference/operation.ts";
import { EmptyRequest } from "./handlers.ts";

const Started = v.object({
  message: described(v.string(), "For people."),
  downloaded: described(v.boolean(), "It was here already."),
});

/** As `DownloadEvent` is answered. */
export const DownloadEventObject = v.object({
  model_id: v.string(),
  state: v.picklist(["queued", "waiting", "downloading", "done", "failed", "cancelled"]),
  bytes: described(Count, "Bytes that are on disk."),
  total: described(v.optional(Count), "Absent while unknown."),
  rate: described(Count, "Bytes a second, over the last seconds."),
  source: described(v.string(), "Where the bytes come from, in words."),
  resumed_from: described(v.optional(Count), "Bytes that an earlier download had left."),
  problem: described(v.optional(v.string()), "Why the source before this one was given up, or what is waited for."),
  retry_at: described(v.optional(Count), "When the next try begins, in seconds since 1970."),
  listing: described(v.optional(v.literal(true)), "The source is asked which files there are."),
  checking: described(v.optional(v.literal(true)), "The bytes that are here are being checked."),
  error: described(v.optional(v.object({ message: v.string(), code: v.nullable(v.string()) })), "Why it failed."),
});

const TAG = "Downloads";
const ONE = "/v1/models/download/{model_id}";
const start = {
  ...{ path: ONE, tag: TAG },
  answer: {
    description: "It is under way, or here.",
    schema: Started,
    example: { message: "Starting download tiny", downloaded: false },
  },
  errors: [
    ...["404 model_not_found", "409 model_not_changeable", "409 model_not_downloadable", "503 server_stopping"],
    ...WRITE_ERRORS,
  ],
};

export const downloadOperations: Operation[] = [
  {
    ...{ id: "startDownloadByGet", method: "get", summary: "Start a download, as Jan has it" },
    description: "No page of another origin may send it, listed or not: use `POST`.",
    ...start,
    errors: ["403 origin_not_allowed", ...start.errors],
  },
  {
    ...{ id: "startDownload", method: "post", summary: "Start a download" },
    ...start,
    body: { schema: EmptyRequest, optional: true, examples: { nothing: {} } },
  },
  {
    ...{ id: "cancelDownload", method: "delete", path: ONE, tag: TAG, summary: "Stop a download" },
    description: "What has come stays, for the next one.",
    answer: {
      description: "It is stopped.",
      schema: v.object({ id: v.string(), object: v.literal("model.download"), cancelled: v.literal(true) }),
    },
    errors: ["404 download_not_found", ...WRITE_ERRORS],
  },
  {
    ...{ id: "streamDownloadEvents", method: "get", path: `${ONE}/events`, tag: TAG, summary: "Follow a download" },
    answer: {
      description: "One event at once, then the newest a few times a second, and at last `done`, `failed` or `cancelled`.",
      events: {
        schema: DownloadEventObject,
        example:
          'data: {"model_id":"tiny","state":"done","bytes":91734528,"total":91734528,"rate":0,"source":""}\n\ndata: [DONE]\n\n',
      },
    },
    errors: ["404 download_not_found", "404 model_not_found", "409 model_not_changeable", ...READ_ERRORS],
  },
];
