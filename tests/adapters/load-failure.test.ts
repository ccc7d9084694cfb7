// Why a model cannot be loaded: the same sentence from both engines of llama.cpp, for clients without what was printed, for the owner with it.
import { afterAll, describe, expect, test } from "bun:test";
import type { Adapter, AdapterError } from "../../adapters/adapter.ts";
import { loadFailure } from "../../adapters/shared/load-failure.ts";
import { createAdapters } from "../../src/server/adapters.ts";
import { createLog } from "../../src/support/log/log.ts";
import { llamaServerChat } from "../support/llama-server-chat.ts";
import { makeModel } from "../support/app.ts";
import { UNLOADABLE } from "../support/damaged-gguf.ts";
import { realServer } from "../support/llama-server-binary.ts";
import { tinyModel } from "../support/models.ts";
import { startPrompts } from "../support/prompts.ts";
import { failure } from "../support/records.ts";

const { path, skip } = await realServer();
const prompts = startPrompts();
afterAll(prompts.close);

const ENGINES: Record<string, Adapter> = {
  "node-llama-cpp": createAdapters(
    { adapter: "node-llama-cpp", llama_server: undefined },
    createLog(() => {}),
  ).adapterOf(makeModel("tiny")),
  ...(skip === undefined && { "llama-server": llamaServerChat({ binary: () => path, env: process.env, prompts }) }),
};
if (skip !== undefined) console.log(`The load failures of llama-server are skipped: ${skip}`);

for (const [engine, adapter] of Object.entries(ENGINES))
  describe(`${engine} says what is wrong with a file that has`, () => {
    for (const [name, { mutate, reason }] of Object.entries(UNLOADABLE))
      test(name, async () => {
        const model = await tinyModel({ mutate });
        const error = await failure<AdapterError>(
          adapter.load(model, { slots: 1, context: 512, threads: 1 }, AbortSignal.timeout(30_000)),
        );
        const { code, message, public_message } = error;
        expect([code, public_message]).toEqual(["model_load_failed", `Model "tiny" cannot be loaded: ${reason}`]);
        // The owner reads what llama.cpp has printed, too.
        expect(message).toStartWith(`Model "tiny" cannot be loaded: ${reason.slice(0, -1)} (`);
        expect(message).not.toContain(model.path);
      });
  });

describe("what llama.cpp prints of a load is a reason:", () => {
  const reasonOf = (...lines: string[]): string => {
    const { message, public_message = message } = loadFailure({ id: "m", path: "/srv/m.gguf", lines, otherwise: "it ended" });
    return public_message.replace('Model "m" cannot be loaded: ', "");
  };
  const PRINTED: Record<string, string> = {
    "alloc_tensor_range: failed to allocate CPU buffer of size 70368744177664": "there is too little memory for it.",
    "llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache":
      "there is too little memory",
    "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 99 MiB on device 0: cudaMalloc failed: out of memory":
      "there is too little memory",
    "A context size of 4096 with 4 sequences is too large for the available RAM": "there is too little memory",
    "unable to allocate CUDA0 buffer": "there is too little memory",
    "unknown pre-tokenizer type: 'new-one'": 'the engine does not know its tokenizer "new-one".',
    "check_tensor_dims: tensor 'output.weight' not found": 'its file lacks weights that it needs: "output.weight".',
    "key tokenizer.ggml.bos_token_id has wrong type str but expected type u32":
      'its header has a value of the wrong kind: "tokenizer.ggml.bos_token_id".',
    "array length 9 for key llama.rope exceeds max 4": 'its header has a value of the wrong kind: "llama.rope".',
    "this GGUF file version 99 is extremely large, is there a mismatch": "its file is a GGUF of a version that the engine",
    "GGUFv1 is no longer supported, please use a more up-to-date version": "its file is a GGUF of a version that the engine",
    "gguf_init_from_reader: invalid magic characters: 'GGML', expected 'GGUF'": "its file is not GGUF.",
    'Invalid GGUF magic. Expected "GGUF" but got "GGML".': "its file is not GGUF.",
    "tensor 'x.weight' has invalid ggml type 99. should be in [0, 43)": "the engine does not know how its weights",
    "invalid split count, given: 1 splits, but expected 2": "one of its files is not there, or belongs to another model.",
    "failed to load GGUF split from /srv/m-00002-of-00002.gguf": "one of its files is not there, or belongs to another model.",
    "gguf_init_from_reader: failed to read tensor data": "its file is damaged or cut.",
    "terminate called after throwing an instance of 'std::out_of_range'": "its file is damaged or cut.",
    "clip_init: failed to load model '/srv/p.gguf': load_hparams: unknown projector type: newvl":
      'the engine does not know the kind "newvl" of its projector.',
    "mismatch between text model (n_embd = 64) and mmproj (n_embd = 128)": "its projector is that of another model.",
    "load_model: failed to load multimodal model, '/srv/p.gguf'": "its projector cannot be read.",
    "couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 0": "the engine could not listen on a port of this machine.",
  };
  for (const [line, reason] of Object.entries(PRINTED))
    test(line, () => {
      expect(reasonOf(line)).toStartWith(reason);
      // What follows from a failure does not hide it.
      expect(reasonOf(line, "llama_model_load_from_file_impl: failed to load model")).toStartWith(reason);
    });

  test("a name that is long, or more than a name, is left out", () => {
    for (const name of ["a".repeat(65), "a b", "<b>", 'a"', "ä", ""])
      expect(reasonOf(`unknown model architecture: '${name}'`)).toBe(
        "the engine does not know its architecture. A newer release of it may.",
      );
  });

  test("what is not known is for the owner alone, and a client is told where more stands", () => {
    const { message, public_message } = loadFailure({
      ...{ id: "m", path: "/srv/m.gguf", otherwise: "the engine ended with code 1" },
      lines: ["odd /srv/m.gguf", "more"],
    });
    expect(message).toBe('Model "m" cannot be loaded: odd its file; more.');
    expect(public_message).toBe('Model "m" cannot be loaded: the engine ended with code 1. The server\'s log says why.');
    // A process that printed nothing has left nothing in the log.
    expect(reasonOf()).toBe("it ended.");
  });
});
