// Handlers that are loaded by their first request.
import { expect, test } from "bun:test";
import { Hono } from "hono";
import type { Deps } from "../../src/api/deps.ts";
import { lazyHandlers } from "../../src/api/lazy-handlers.ts";
import type { AppEnv } from "../../src/http/app-env.ts";

const deps = {} as Deps;

/** An application whose one handler is loaded by `load`. */
function appWith(load: () => Promise<void>) {
  const handlers = lazyHandlers(async () => deps);
  const handler = handlers.lazily(async (given) => {
    await load();
    return {
      answer: (c) => c.text(String(given === deps)),
      pass: (_, next) => next(),
    };
  });
  const app = new Hono<AppEnv>()
    .onError(({ message }, c) => c.text(message, 503))
    .get("/", handler("answer"))
    .get("/passed", handler("pass"), (c) => c.text("behind it"));
  return { app, load: handlers.load };
}

test("requests that come while the handlers load share one load, and the later ones make none", async () => {
  let loads = 0;
  const { app, load } = appWith(async () => void loads++);
  const texts = await Promise.all(["/", "/", "/passed"].map(async (path) => (await app.request(path)).text()));
  await load();
  expect([...texts, await (await app.request("/")).text(), loads]).toEqual(["true", "true", "behind it", "true", 1]);
});

test("a load that fails is that request's error, and the next request tries again", async () => {
  const failures = [new Error("too many open files")];
  const { app } = appWith(async () => {
    const failure = failures.pop();
    if (failure !== undefined) throw failure;
  });
  const answers = [await app.request("/"), await app.request("/")];
  expect(await Promise.all(answers.map(async (res) => [res.status, await res.text()]))).toEqual([
    [503, "too many open files"],
    [200, "true"],
  ]);
});

test("handlers that are there answer without a promise", async () => {
  const { app, load } = appWith(async () => {});
  await load();
  expect(app.fetch(new Request("http://localhost/"))).toBeInstanceOf(Response);
});
