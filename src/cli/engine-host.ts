// Hidden: the process that child.ts starts. `ingle engine-host <adapter>` speaks JSON lines and is of no use by hand.
import { defineCommand } from "citty";
import { CLOSE_MS } from "../../adapters/child-process/protocol.ts";
import { hostEngine } from "../../adapters/child-process/host.ts";
import { adapterNamed } from "../../adapters/registry.ts";
import { nodeLlamaCppModule } from "../executable/carried-engines.ts";
import { CliError } from "./error.ts";

export default defineCommand({
  meta: { name: "engine-host", hidden: true },
  args: {
    adapter: { type: "positional", required: true },
    probe: { type: "boolean", description: "Load the native library, say on one line what it found, and end" },
  },
  async run({ args }) {
    const adapter = await adapterNamed(args.adapter)?.host?.({ nodeLlamaCpp: () => nodeLlamaCppModule(process.env) });
    if (adapter === undefined) throw new CliError(`"${args.adapter}" is no adapter of an engine process.`, 2);
    // The pipe carries messages alone: what libraries print goes to the log.
    console.log = console.info = console.debug = console.error;
    if (args.probe) {
      const { probe } = await import("../../adapters/node-llama-cpp/probe.ts");
      return void process.stdout.write(`${JSON.stringify(await probe(await nodeLlamaCppModule(process.env)))}\n`, () =>
        process.exit(0),
      );
    }
    // Ctrl-C and service managers reach the whole group; the server decides when its engines go.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
    // A decode that hangs in native code must not outlive the server.
    process.stdin.once("end", () => setTimeout(() => process.exit(1), CLOSE_MS).unref());
    await hostEngine(adapter, process.stdin, (line) => process.stdout.write(line));
    process.exit(0);
  },
});
