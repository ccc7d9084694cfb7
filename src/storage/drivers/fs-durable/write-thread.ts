// A thread that puts records in their places: one batch of writes at a time, answered with the failure of each.
import { parentPort } from "node:worker_threads";
import { failureOf } from "./write-failure.ts";
import { putRecordsNow, type RecordWrite } from "./record-writes.ts";

parentPort!.on("message", (writes: RecordWrite[]) => parentPort!.postMessage(putRecordsNow(writes).map(failureOf)));
