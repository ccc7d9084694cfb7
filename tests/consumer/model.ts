// A program whose models are files: they run in a process that the package starts.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { env } from "node:process";
import { openIngle } from "ingle";

const ingle = await openIngle({ data: env.DATA!, models_dir: dirname(env.MODEL!), context: 256, slots: 1, log: () => {} });
const post = (path: string, body: object): Promise<Response> =>
  ingle.fetch(
    new Request(`http://localhost${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
const added = await post("/v1/models", { path: env.MODEL });
const { id } = (await added.json()) as { id: string };
assert.ok(added.ok, `${added.status}`);
const answer = await post("/v1/chat/completions", { model: id, messages: [{ role: "user", content: "hello" }], max_tokens: 3 });
const { usage } = (await answer.json()) as { usage: { completion_tokens: number } };
assert.equal(usage.completion_tokens, 3);
await ingle.close();
console.log("computed");
process.exit(0);
