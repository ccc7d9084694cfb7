// A program that puts the parts together itself: an own driver for the records, an own adapter, and nothing on the disk.
import assert from "node:assert/strict";
import { echo, type Model } from "ingle";
import {
  createApp,
  createDownloadJobs,
  createModelPool,
  createLibrary,
  createLog,
  createStore,
  newId,
  requestIds,
} from "ingle/parts";
import memory from "unstorage/drivers/memory";

const log = createLog(() => {});
const now = (): number => 1_700_000_000;
const adapter = echo();
const store = createStore({ driver: memory(), shared: false, log });
const model: Model = {
  ...{ id: "own", object: "model", name: "Own", version: "1.0", description: "", format: "gguf", created: 0 },
  ...{ owned_by: "", settings: {}, parameters: {}, metadata: {}, files: [{ name: "own.gguf", sources: [] }] },
};
await store.models.put(model);
const library = createLibrary({ records: store.models, downloads: store.downloads, weights: "/nowhere" });
const app = createApp({
  guards: { hosts: [], wide: false, origins: [], keys: [], newRequestId: requestIds() },
  store,
  library,
  downloads: createDownloadJobs({ library, records: store.downloads, options: { offline: true }, now, log }),
  pool: createModelPool({
    adapterOf: () => adapter,
    resolve: ({ id, settings }) => ({ id, path: "", settings }),
    slots: 1,
    queue: 1,
    log,
  }),
  adapterOf: () => adapter,
  log,
  version: "1.0.0",
  stream_default: false,
  newId,
  newSeed: () => 1,
  now,
});
const models = await app.fetch(new Request("http://localhost/v1/models", { headers: { host: "localhost" } }));
const { data } = (await models.json()) as { data: { id: string }[] };
assert.deepEqual(
  data.map(({ id }) => id),
  ["own"],
);
console.log("put together");
process.exit(0);
