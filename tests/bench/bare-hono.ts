// A Hono handler with nothing around it, on Bun: what a GET could cost at best. Its one argument is the body that it answers with.
import { Hono } from "hono";

const [body = ""] = process.argv.slice(2);
const app = new Hono().get("/v1/threads/:thread_id", (c) => c.body(body, 200, { "content-type": "application/json" }));
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app.fetch });
console.log(`listening on http://127.0.0.1:${server.port}`);
