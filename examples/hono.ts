// ingle within a Hono application: its API is at /ai/v1, and the application's own sign-in decides who gets there.
import { env } from "node:process";
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { openIngle, serve } from "ingle";

const ingle = await openIngle({
  data: env.DATA ?? "./ingle-data",
  adapter: "echo",
  // What the application is called by, beside localhost: other names are refused, so that no web page gets here by a name of its own.
  hosts: ["ai.example.com"],
});

const app = new Hono();
app.get("/", (c) => c.text("The API is at /ai/v1."));
app.use("/ai/*", bearerAuth({ token: env.TOKEN ?? "only-an-example" }));
// What is mounted sees paths without the prefix: the ones that ingle has.
app.mount("/ai", ingle.fetch);

// Any server will do: Bun.serve({ fetch: app.fetch }), Deno.serve(app.fetch), @hono/node-server. This one is the same on all of them.
const server = await serve(app.fetch, { host: "127.0.0.1", port: Number(env.PORT ?? 3000) });
console.log(`listening on ${server.url}`);

const stop = async (): Promise<void> => {
  await Promise.all([ingle.close(), server.close(10_000)]);
  process.exit(0);
};
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
