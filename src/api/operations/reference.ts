// What the reference says of the server itself, and of what serves the commands of its owner.
import * as v from "valibot";
import { Count, described, WRITE_ERRORS, type Operation } from "../reference/operation.ts";
import { KeyRequest } from "./data-folder.ts";
import { ImportRequest } from "./import.ts";

const Health = v.object({
  status: described(v.picklist(["ok", "degraded"]), "`degraded`: records cannot be reached or read."),
  version: v.string(),
  llama_cpp: described(v.optional(v.string()), "The release of llama.cpp that this ingle was made for."),
  models: v.object({ installed: Count, running: Count }),
});

const Endpoints = v.object({
  object: v.literal("list"),
  name: v.literal("ingle"),
  version: v.string(),
  documentation: v.string(),
  openapi: v.string(),
  base_url: v.string(),
  data: v.array(v.object({ path: v.string(), methods: v.array(v.string()), summary: v.string() })),
});

const importItem = {
  kind: v.picklist(["thread", "message", "assistant", "model"]),
  old_id: described(v.nullable(v.string()), "As the old folder names it."),
  id: described(v.optional(v.string()), "As ingle names it, where it is here now."),
  path: described(v.string(), "Below the old folder."),
  line: described(v.optional(Count), "In a file of lines, from 1 on."),
  messages: described(v.optional(Count), "How many messages of a thread were taken."),
};
const ReasonedItem = v.object({ ...importItem, reason: v.string() });
const ImportReport = v.object({
  from: v.picklist(["jan", "cortex"]),
  taken: v.array(v.object(importItem)),
  reduced: described(v.array(ReasonedItem), "Taken, but not whole."),
  skipped: v.array(ReasonedItem),
});
const REPORT: v.InferOutput<typeof ImportReport> = {
  from: "jan",
  taken: [
    {
      ...{ kind: "thread", old_id: "jan_1706100000", id: "thread_01hmyfn800w1b7s2kq4x5c6d7e" },
      ...{ path: "threads/jan_1706100000", messages: 4 },
    },
  ],
  reduced: [],
  skipped: [
    {
      ...{ kind: "model", old_id: "gpt-4", path: "models/gpt-4/model.json" },
      reason: 'It runs at "openai", not from a GGUF file on this machine.',
    },
  ],
};

const SERVER = "Server";
const OWNER = "Owner";
const endpoints = { description: "The endpoints.", schema: Endpoints };
const document = { description: "This document.", schema: v.looseObject({ openapi: v.string() }) };

export const serverOperations: Operation[] = [
  {
    ...{ id: "getIndex", method: "get", path: "/", tag: SERVER, summary: "A page, or the endpoints" },
    description: "A page where `Accept` names `text/html`.",
    answer: endpoints,
    errors: [],
    is_open: true,
  },
  {
    ...{ id: "listEndpoints", method: "get", path: "/v1", tag: SERVER, summary: "List the endpoints" },
    answer: endpoints,
    errors: [],
  },
  {
    ...{ id: "getHealth", method: "get", path: "/health", tag: SERVER, summary: "Whether the server works" },
    answer: {
      description: "It answers.",
      schema: Health,
      example: { status: "ok", version: "0.1.0", models: { installed: 1, running: 0 } },
    },
    errors: [],
    is_open: true,
  },
  {
    ...{ id: "getMetrics", method: "get", path: "/metrics", tag: SERVER, summary: "Counts and times" },
    answer: { description: "Prometheus' text format.", type: "text/plain", example: "# TYPE ingle_slots gauge\n" },
    errors: ["500 storage_error", "503 storage_unavailable"],
  },
  {
    ...{ id: "getReference", method: "get", path: "/openapi.json", tag: SERVER, summary: "This document" },
    answer: document,
    errors: [],
    is_open: true,
  },
  {
    ...{ id: "getReferenceOfV1", method: "get", path: "/v1/openapi.json", tag: SERVER, summary: "This document" },
    answer: document,
    errors: [],
    is_open: true,
  },
  {
    ...{ id: "getReferencePage", method: "get", path: "/docs", tag: SERVER, summary: "This document as a page" },
    answer: { description: "A page.", type: "text/html" },
    errors: [],
    is_open: true,
  },
];

export const ownerOperations: Operation[] = [
  {
    ...{
      id: "giveKey",
      method: "post",
      path: "/v1/data-folder/key",
      tag: OWNER,
      summary: "Prove that a command is in the data folder",
    },
    body: { schema: KeyRequest, examples: { digest: { digest: "0".repeat(64) } } },
    answer: { description: "The operator's key, sealed.", schema: v.object({ sealed_key: v.string() }) },
    errors: ["403 folder_not_held"],
    is_open: true,
  },
  {
    ...{ id: "importOldFolder", method: "post", path: "/v1/import", tag: OWNER, summary: "Take in an old data folder" },
    description: "With the operator's key alone. With `dry_run` nothing is written, and the report says what would be.",
    body: {
      schema: ImportRequest,
      examples: { folder: { folder: "/home/ada/jan" }, look: { folder: "/home/ada/jan", dry_run: true } },
    },
    answer: {
      description: "One event, the report.",
      events: { schema: ImportReport, example: `data: ${JSON.stringify(REPORT)}\n\ndata: [DONE]\n\n` },
    },
    errors: ["400 invalid_value", ...WRITE_ERRORS],
  },
];
