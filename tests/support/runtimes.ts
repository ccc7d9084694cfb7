// The runtimes of this machine, for tests that start the real program on each of them.
import { findRuntime, RUNTIMES, type RuntimeName } from "../../src/launch/runtimes.mjs";

export interface Runtime {
  name: RuntimeName;
  /** Binary and flags; put the script and its arguments behind them. Empty where `skip` is set. */
  command: string[];
  /** Why this machine cannot run it, fit for a test's name. */
  skip?: string;
}

/** All three, found or not: a missing one is to be skipped aloud. */
export function runtimes(): Runtime[] {
  return RUNTIMES.map((name) => {
    const command = findRuntime(name);
    return command ? { name, command } : { name, command: [], skip: `${name} is not on this machine: ${HINT[name]}` };
  });
}

const HINT: Record<RuntimeName, string> = {
  bun: "its npm package has no binary for this platform, and none is on the PATH",
  node: "its npm package has no binary for this platform; start the tests with Node 22.18 or newer",
  deno: "its npm package has no binary for this platform, and none is on the PATH",
};
