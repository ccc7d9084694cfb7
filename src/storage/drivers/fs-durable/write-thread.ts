// A thread that puts records in their places. It takes one batch of writes at a time and answers with the failures of each.
import { parentPort } from "node:worker_threads";
import { failureOf } from "./write-failure.ts";
import { putNow, type RecordWrite } from "./record-writes.ts";

parentPort!.on("message", (writes: RecordWrite[]) => parentPort!.postMessage(putNow(writes).map(failureOf)));
