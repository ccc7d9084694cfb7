// The parts of one executable, by what was asked for and what is here.
import { createRequire } from "node:module";
import type { BunPlugin } from "bun";
import type { Part, PartName } from "../../src/executable/unpack.ts";
import { CompileError } from "./error.ts";
import type { CompileOptions } from "./options.ts";
import { llamaServerFolder, llamaServerPart, nodeLlamaCppPart } from "./parts.ts";

const BUILD = 'Build one with "ingle engine build llama-server --portable", or name its folder with --llama-server.';

/** What is made for it goes into `folder`. `say` gets a sentence where another engine is carried than the best one. */
export async function gather(options: CompileOptions, folder: string, say: (line: string) => void): Promise<Part[]> {
  const { target, carry } = options;
  const found = carry?.includes("llama-server") === false ? undefined : llamaServerFolder(target, options.llama_server);
  const names: PartName[] = carry ?? [found === undefined ? "node-llama-cpp" : "llama-server"];
  if (found === undefined) {
    if (names.includes("llama-server")) throw new CompileError(`There is no llama-server for ${target.name} here. ${BUILD}`);
    if (carry === undefined) say(`Carrying node-llama-cpp, as there is no llama-server for ${target.name} here. ${BUILD}`);
  }
  return Promise.all(
    names.map(async (name) =>
      name === "llama-server" ? llamaServerPart(found!, target) : nodeLlamaCppPart(await bundle(folder), target),
    ),
  );
}

/** All of node-llama-cpp's code as one file. */
async function bundle(outdir: string): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("node-llama-cpp");
  const { outputs } = await Bun.build({
    ...{ entrypoints: [entry], outdir, target: "node", format: "esm", minify: true },
    // Its packages of binaries: what is carried lies where it looks before it looks for them. The other one copies files faster.
    external: ["@node-llama-cpp/*", "@reflink/*"],
    plugins: [UNTESTED],
  });
  return outputs.find(({ kind }) => kind === "entry-point")!.path;
}

/** It tries its binary in a process that it starts from its own file, which is none any more; the engine is in a process anyway. */
const UNTESTED: BunPlugin = {
  name: "untested",
  setup(build) {
    const contents = "export const testBindingBinary = async () => true;";
    build.onLoad({ filter: /testBindingBinary\.js$/ }, () => ({ loader: "js", contents }));
  },
};
