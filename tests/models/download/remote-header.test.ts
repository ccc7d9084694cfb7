// The header of a file that is somewhere else, and what is reckoned of a model that nobody has looked at.
import { describe, expect, test } from "bun:test";
import { catalog } from "../../../models/catalog.ts";
import { estimateMemory, estimateRoughly } from "../../../models/memory-estimate.ts";
import { readGguf } from "../../../models/gguf/header.ts";
import { fetchRemoteHeader } from "../../../models/download/remote-header.ts";
import { createMemoryEstimator } from "../../../src/inference/memory-estimator.ts";
import { makeModel } from "../../support/app.ts";
import { eventually } from "../../support/server.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const never = new AbortController().signal;
const BYTES = tinyGguf();
const model = (...urls: string[]) =>
  makeModel("far", { files: [{ name: "far.gguf", sources: urls.map((url) => ({ type: "url" as const, url })) }] });

/** In pieces of `piece` bytes; counts those that were taken. */
function sending(bytes: Uint8Array, piece: number, headers: Record<string, string> = {}) {
  const taken = { bytes: 0, cancelled: false };
  const fetch = async (): Promise<Response> => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (taken.bytes >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(taken.bytes, taken.bytes + piece));
        taken.bytes += piece;
      },
      cancel: () => void (taken.cancelled = true),
    });
    return new Response(body, { headers });
  };
  return { fetch, taken };
}

describe("a header at its source", () => {
  test.each([1, 7, 1000, 65_536, BYTES.length])("is read as one on the disk, in pieces of %d bytes", async (piece) => {
    const whole = await readGguf(async (at, length) => BYTES.subarray(at, at + length), BYTES.length);
    const { fetch } = sending(BYTES, piece, { "content-length": String(BYTES.length) });
    expect(await fetchRemoteHeader(model("https://a.example/x"), { fetch }, never)).toEqual(whole);
  });

  test("takes no more than the header, and closes", async () => {
    const { fetch, taken } = sending(BYTES, 4096);
    await fetchRemoteHeader(model("https://a.example/x"), { fetch }, never);
    expect(taken.bytes).toBeLessThan(150_000);
    expect(taken.cancelled).toBe(true);
  });

  test("that comes byte by byte is given up, however often a byte comes", async () => {
    let cancelled = false;
    const fetch = async (): Promise<Response> => {
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise((done) => setTimeout(done, 20));
          controller.enqueue(BYTES.subarray(0, 1));
        },
        cancel: () => void (cancelled = true),
      });
      return new Response(body);
    };
    const reading = fetchRemoteHeader(model("https://a.example/x"), { fetch }, never, 200);
    expect(await reading.catch((error: Error) => error.message)).toContain("did not come in time");
    await eventually("the connection is closed", () => cancelled);
  });

  test("is read from the first source that gives it, and each failure has its reason", async () => {
    const answers: Record<string, () => Promise<Response>> = {
      "https://a.example/x": async () => new Response("", { status: 404 }),
      "https://b.example/x": async () => new Response("<html>"),
      "https://c.example/x": sending(BYTES, 1000).fetch,
    };
    const fetch = (url: URL) => answers[url.href]!();
    const [a, b, c] = Object.keys(answers) as [string, string, string];
    expect(await fetchRemoteHeader(model(a, b, c), { fetch }, never)).toMatchObject({ architecture: "llama" });
    const error = await fetchRemoteHeader(model(a, b), { fetch }, never).catch((error: Error) => error);
    expect((error as Error).message).toBe(
      "a.example: It answered 404: the file is not there. b.example: The file is a web page, not a model.",
    );
    expect(fetchRemoteHeader(model(), { fetch }, never)).rejects.toThrow("Nothing on the web has the file.");
  });

  test("that ends too soon, or needs more than the file has, is refused", async () => {
    const at = (bytes: Uint8Array, headers = {}) =>
      fetchRemoteHeader(model("https://a.example/x"), { fetch: sending(bytes, 999, headers).fetch }, never);
    await expect(at(BYTES.slice(0, 2000))).rejects.toThrow("The file is cut");
    await expect(at(BYTES, { "content-length": "2000" })).rejects.toThrow("The file is cut");
  });
});

describe("the estimate without the file", () => {
  test("is near what the header gives, and above it in context", () => {
    const token_bytes = 23_040;
    const load = { slots: 2, context: 1000 };
    expect(estimateRoughly(1e9, token_bytes, load)).toMatchObject({ weights: 1e9, context: 2 * 1024 * token_bytes });
    expect(estimateRoughly(1e9, token_bytes, load).total).toBeGreaterThan(1e9);
  });

  test("is there for every model of the catalogue, and says the largest context that fits", async () => {
    const available = 3e9;
    const estimator = createMemoryEstimator({ slots: 4, budget: () => available });
    for (const model of await catalog()) {
      const { needed_bytes, fits, largest_context } = estimator.roughFit(model)!;
      expect(needed_bytes).toBeGreaterThan(model.metadata.size!);
      expect(fits).toBe(needed_bytes <= available);
      const { token_bytes, size } = model.metadata as { token_bytes: number; size: number };
      if (largest_context > 0)
        expect(estimateRoughly(size, token_bytes, { slots: 4, context: largest_context }).total).toBeLessThanOrEqual(available);
      const more = { slots: 4, context: largest_context + 256 };
      if (largest_context < model.context_length!)
        expect(estimateRoughly(size, token_bytes, more).total).toBeGreaterThan(available);
    }
    expect(estimator.roughFit(makeModel("x"))).toBeUndefined();
  });

  test("takes for a token of context what the header of the small model gives", async () => {
    const smallest = (await catalog()).find(({ id }) => id === "smollm2-135m-instruct")!;
    const { metadata } = smallest as { metadata: { token_bytes: number } };
    const header = await readGguf(async (at, length) => BYTES.subarray(at, at + length), BYTES.length);
    const own = estimateMemory(
      { ...header, block_count: 30, head_count_kv: 3, key_length: 64, value_length: 64 },
      { slots: 1, context: 256 },
    );
    expect(own.context).toBe(256 * metadata.token_bytes);
  });
});
