// Hidden: the process that renders templates and tries grammars for all models. `ingle prompt-host` speaks JSON lines and is of no use by
// hand.
import { defineCommand } from "citty";
import { hostPrompts } from "../../adapters/prompt-process/host.ts";
import { nativeAddon } from "../executable/carried-engines.ts";

const CLOSE_MS = 1_000;

export default defineCommand({
  async run() {
    // The pipe carries messages alone: what libraries print goes to the log.
    console.log = console.info = console.debug = console.error;
    // Ctrl-C and service managers reach the whole group; the server decides when its processes go.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
    process.stdin.once("end", () => setTimeout(() => process.exit(1), CLOSE_MS).unref());
    await hostPrompts(
      () => nativeAddon(process.env),
      process.stdin,
      (line) => process.stdout.write(line),
    );
    process.exit(0);
  },
});
