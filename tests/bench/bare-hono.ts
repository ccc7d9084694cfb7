// A Hono handler with nothing around it, on Bun: what a GET could cost at best. Its arguments are the body and the headers, as JSON,
// that it answers with.
import { Hono } from "hono";

const [body = "", headers = "{}"] = process.argv.slice(2);
const head = JSON.parse(headers) as Record<string, string>;
const app = new Hono().get("/v1/threads/:thread_id", (c) => c.body(body, 200, head));
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch });
console.log(`listening on http://127.0.0.1:${server.port}`);
