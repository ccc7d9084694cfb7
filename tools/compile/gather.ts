// The parts of one executable, by what was asked for and what is here.
import { createRequire } from "node:module";
import type { BunPlugin } from "bun";
import type { CarriedPart, CarriedPartName } from "../../src/executable/unpack.ts";
import { CompileError } from "./error.ts";
import type { CompileOptions } from "./options.ts";
import { llamaServerFolder, llamaServerPart, nodeLlamaCppPart } from "./parts.ts";

const BUILD = 'Build one with "ingle engine build llama-server --portable", or name its folder with --llama-server.';

/** Files that are made on the way go into `folder`. Warns where another engine is carried than the best one. */
export async function gatherParts(options: CompileOptions, folder: string): Promise<CarriedPart[]> {
  const { target, carry } = options;
  const found = carry?.includes("llama-server") === false ? undefined : llamaServerFolder(target, options.llama_server);
  const names: CarriedPartName[] = carry ?? [found === undefined ? "node-llama-cpp" : "llama-server"];
  if (found === undefined) {
    if (names.includes("llama-server")) throw new CompileError(`There is no llama-server for ${target.name} here. ${BUILD}`);
    if (carry === undefined)
      console.error(`Carrying node-llama-cpp, as there is no llama-server for ${target.name} here. ${BUILD}`);
  }
  const gather = async (name: CarriedPartName): Promise<CarriedPart> =>
    name === "llama-server" ? llamaServerPart(found!, target) : nodeLlamaCppPart(await bundleNodeLlamaCpp(folder), target);
  return Promise.all(names.map(gather));
}

/** All of node-llama-cpp's code as one file. */
async function bundleNodeLlamaCpp(outdir: string): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("node-llama-cpp");
  const { outputs } = await Bun.build({
    ...{ entrypoints: [entry], outdir, target: "node", format: "esm", minify: true },
    // The packages of binaries are not needed: node-llama-cpp looks first where the carried ones lie. @reflink only copies faster.
    external: ["@node-llama-cpp/*", "@reflink/*"],
    plugins: [SKIP_BINARY_TEST],
  });
  return outputs.find(({ kind }) => kind === "entry-point")!.path;
}

/** node-llama-cpp tries its binary in a process that it starts from its own file, and an executable has no such file. */
const SKIP_BINARY_TEST: BunPlugin = {
  name: "untested",
  setup(build) {
    const contents = "export const testBindingBinary = async () => true;";
    build.onLoad({ filter: /testBindingBinary\.js$/ }, () => ({ loader: "js", contents }));
  },
};
