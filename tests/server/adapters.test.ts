// Which adapter runs a model: what the settings say, what is on this machine, what the model's record says.
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model } from "../../models/manifest.ts";
import { createAdapters } from "../../src/server/adapters.ts";
import { createLog } from "../../src/support/log/log.ts";
import type { Config } from "../../src/server/settings.ts";
import { makeModel } from "../support/app.ts";

const folder = mkdtempSync(join(tmpdir(), "ingle-adapters-"));
const program = join(folder, "llama-server");
writeFileSync(program, "#!/bin/sh\n");
chmodSync(program, 0o755);

/** Runs it on a machine with that PATH and nothing else. */
function within<Result>(path: string, run: () => Result): Result {
  const { PATH, XDG_CACHE_HOME } = process.env;
  Object.assign(process.env, { PATH: path, XDG_CACHE_HOME: join(folder, "empty") });
  try {
    return run();
  } finally {
    Object.assign(process.env, { PATH });
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
  }
}

/** The name of what runs the model there. */
function chosen(
  adapter: Config["adapter"],
  model: Partial<Model>,
  { path = "", llama_server = undefined as string | undefined } = {},
) {
  return within(path, () =>
    createAdapters(
      { adapter, llama_server },
      createLog(() => {}),
    ).adapterOf({ ...makeModel("tiny"), ...model }),
  );
}

describe("auto", () => {
  test("is the embedded engine where there is no llama-server", () => {
    expect(chosen("auto", {}).name).toBe("node-llama-cpp");
  });
  test("is llama-server where one is on the PATH, or is named", () => {
    expect(chosen("auto", {}, { path: folder }).name).toBe("llama-server");
    expect(chosen("auto", {}, { llama_server: program }).name).toBe("llama-server");
  });
});

test("a setting is what it says, whatever is there", () => {
  expect(chosen("node-llama-cpp", {}, { path: folder }).name).toBe("node-llama-cpp");
  expect(chosen("llama-server", {}).name).toBe("llama-server");
});

describe("an adapter that the settings name and that is not there", () => {
  const missing = (adapter: Config["adapter"], options: { path?: string; llama_server?: string } = {}) =>
    within(options.path ?? "", () =>
      createAdapters(
        { adapter, llama_server: options.llama_server },
        createLog(() => {}),
      ),
    );

  test("is named with the command that builds it", () => {
    const { missing: found, notice } = missing("llama-server");
    within("", () => {
      for (const sentence of [found(), notice()])
        expect(sentence).toBe(
          'There is no llama-server. "ingle engine build llama-server" makes one; --llama-server names another.',
        );
    });
    const named = join(folder, "nowhere");
    expect(missing("llama-server", { llama_server: named }).missing()).toContain(`There is no program at ${named}`);
  });

  test("is not missing once it is there, and `auto` misses none", () => {
    const { missing: found } = missing("llama-server");
    expect(within(folder, found)).toBeUndefined();
    expect(missing("llama-server", { llama_server: program }).missing()).toBeUndefined();
    for (const adapter of ["auto", "node-llama-cpp", "echo"] as const)
      expect(within("", missing(adapter).missing)).toBeUndefined();
  });
});

test("a record that pins an adapter has its way; one of another program's engine has not", () => {
  expect(chosen("auto", { engine: "node-llama-cpp" }, { path: folder }).name).toBe("node-llama-cpp");
  expect(chosen("node-llama-cpp", { engine: "llama-server" }).name).toBe("llama-server");
  expect(chosen("node-llama-cpp", { engine: "nitro" }).name).toBe("node-llama-cpp");
});

test("a model of other servers is run by them", () => {
  const upstream = { urls: ["http://127.0.0.1:1/v1"] };
  expect(chosen("auto", { upstream, files: [] }, { path: folder }).name).toBe("upstream");
});

test("echo is for all", () => {
  expect(chosen("echo", { engine: "llama-server" }).name).toBe("echo");
});

describe("llama-server can do", () => {
  const can = (model: Partial<Model>) => {
    const full = { ...makeModel("tiny"), ...model };
    return chosen("llama-server", model).capabilities(full);
  };
  test("all but images for a model without a projector", () => {
    const all = ["choices", "decisions", "grammar", "logit_bias", "logprobs", "patterns", "response_format", "samplers", "tools"];
    expect([...can({})].toSorted() as string[]).toEqual(all);
    const projector = { name: "mmproj.gguf", sources: [], role: "projector" as const };
    expect(can({ files: [{ name: "a.gguf", sources: [] }, projector] })).toContain("images");
  });
  test("tools also where the template knows none", () => {
    for (const template_tools of [true, false]) expect(can({ template_tools })).toContain("tools");
  });
});
