// GET /metrics as Prometheus reads it, and what is counted of the store and of downloads. Models: tests/inference/generation.test.ts,
// requests: tests/http/request-log.test.ts.
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "bun:test";
import { makeApp, makeModel } from "../support/app.ts";
import { seriesOf } from "../support/metrics.ts";

const has_promtool = spawnSync("promtool", ["--version"]).status === 0;

describe.skipIf(!has_promtool)(`promtool${has_promtool ? "" : " (skipped: it is not installed)"}`, () => {
  test("finds nothing wrong with the metrics of a server that was used", async () => {
    const { request, post, chat } = makeApp({ models: [makeModel('odd "\\name'), makeModel("tiny")] });
    const { id } = (await (await post("/v1/threads", { title: "A thread" })).json()) as { id: string };
    await request(`/v1/threads/${id}`, { method: "DELETE" });
    await chat({ model: "tiny" });
    await request("/nowhere");
    await request("/v1/models/download/nothing", { method: "POST" });
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: await (await request("/metrics")).text(),
    });
    expect([status, String(stdout), String(stderr)]).toEqual([0, "", ""]);
  });
});

test("calls of the store are counted by operation and collection, without ids", async () => {
  const { request, post } = makeApp();
  const { id } = (await (await post("/v1/threads", {})).json()) as { id: string };
  await post(`/v1/threads/${id}/messages`, { role: "user", content: "hi" });
  const text = await (await request("/metrics")).text();
  const series = seriesOf(text);
  const count = (operation: string, collection: string) => {
    const labels = `db_system_name="memory",db_operation_name="${operation}",db_collection_name="${collection}",error_type=""`;
    return series[`db_client_operation_duration_seconds_count{${labels}}`];
  };
  expect([count("set", "threads"), count("set", "messages")]).toEqual([1, 1]);
  expect(text).not.toContain(id);
  expect(series).toMatchObject({ ingle_damaged_records: 0, 'target_info{service_name="ingle",service_version="1.2.3"}': 1 });
});

test("downloads that are not over are counted by state, those that are by outcome", async () => {
  const { request, post, downloads } = makeApp();
  await post("/v1/models", { id: "gone", source_url: "https://127.0.0.1:1/gone.gguf" });
  await post("/v1/models/download/gone", {});
  const read = async () => seriesOf(await (await request("/metrics")).text());
  const started = await read();
  const under_way = ["queued", "downloading", "waiting"].map((state) => started[`ingle_downloads{state="${state}"}`]!);
  expect(under_way.reduce((sum, count) => sum + count)).toBe(1);
  await downloads.cancel("gone");
  expect(await read()).toMatchObject({
    'ingle_downloads{state="downloading"}': 0,
    ingle_download_bytes_total: 0,
    'ingle_downloads_total{outcome="cancelled",code=""}': 1,
  });
});
