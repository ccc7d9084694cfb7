// `ingle engine build llama-server`: llama.cpp's own server for this machine, out of the source that is here already.
import { existsSync } from "node:fs";
import { defineCommand } from "citty";
import { BuildError, buildLlamaServer, type BuildStep } from "../../adapters/llama-server/build/build.ts";
import { cachedBinary, portableBinary } from "../../adapters/llama-server/build/cached-build.ts";
import { computeFailure } from "../../adapters/llama-server/build/proof.ts";
import { carriedSource } from "../../adapters/llama-server/build/llama-cpp-source.ts";
import { CARRIED } from "../executable/carried.ts";
import { CliError } from "./error.ts";
import { asCalled } from "./invocation.ts";
import { printNote, printResult } from "./print.ts";
import { JSON_ARG } from "./setting-args.ts";
import { standardError } from "../server/standard-streams.ts";

export default defineCommand({
  args: {
    action: { type: "positional", required: true, description: "build" },
    engine: { type: "positional", required: true, description: "llama-server" },
    jobs: { type: "string", description: "Compilers at a time (one per core)" },
    cmake: { type: "string", description: 'Further options of cmake, such as "-DGGML_CUDA=ON"' },
    portable: { type: "boolean", description: "For other machines too, to be carried by an executable" },
    ...JSON_ARG,
    again: { type: "boolean", description: "Build it even if it is there" },
  },
  async run({ args: { action, engine, jobs, cmake, portable, again, json } }) {
    if (action !== "build")
      throw new CliError(`"${action}" is nothing to do with an engine. Write "ingle engine build llama-server".`, 2);
    if (engine !== "llama-server") throw new CliError(`"${engine}" is not an engine that is built. "llama-server" is.`, 2);
    if (jobs !== undefined && !/^[1-9]\d{0,2}$/.test(jobs))
      throw new CliError(`"--jobs" is "${jobs}". It must be a whole number from 1.`, 2);
    if (CARRIED !== undefined)
      throw new CliError(
        "A single executable has no source to build from. Build it in a clone of ingle, and name it with INGLE_LLAMA_SERVER.",
      );
    const source = carriedSource();
    const binary = (portable ? portableBinary : cachedBinary)(source.release, process.env);
    if (!again && existsSync(binary)) {
      const failure = await computeFailure(binary, process.env, { again: true });
      if (failure === undefined)
        return printResult(`${binary} is there already. Build it again with --again.`, { binary, built: false }, json);
      printNote(`${binary} does not compute right on this processor: ${failure}. It is built anew.`);
    }
    const further = { jobs: jobs === undefined ? undefined : Number(jobs), cmake: cmake?.split(/\s+/).filter(Boolean) };
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort(new CliError("Stopped.", 130)));
    await show(
      buildLlamaServer({ source, binary, portable: portable === true, ...further, env: process.env, signal: stop.signal }),
    );
    const taken = asCalled(portable ? '"npm run compile:bun"' : '"ingle serve"');
    printResult(`${binary} is built. ${taken} takes it from now on.`, { binary, built: true }, json);
  },
});

const EVERY_PERCENT = 10;

/** Progress on standard error: one line that is rewritten on a terminal, a line for every tenth elsewhere. */
async function show(steps: AsyncIterable<BuildStep>, screen = standardError): Promise<void> {
  let printed = -1;
  try {
    for await (const { step, percent = 0 } of steps) {
      if (screen.isTTY) screen.write(`\r\u001b[K${step} llama.cpp${step === "compiling" ? `: ${percent} %` : ""}`);
      else if (step !== "compiling") screen.write(`${step} llama.cpp\n`);
      else if (percent >= printed + EVERY_PERCENT || printed < 0) screen.write(`compiling llama.cpp: ${(printed = percent)} %\n`);
    }
  } catch (error) {
    throw error instanceof BuildError ? new CliError(error.message, 1, { cause: error }) : error;
  } finally {
    if (screen.isTTY) screen.write("\n");
  }
}
