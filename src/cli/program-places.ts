// Where the programs of this machine keep what they have.
import { readdir } from "node:fs/promises";
import { homeFolder } from "../../models/absolute-path.ts";
import type { ProgramPlaces } from "../../models/adoptable/model-place.ts";
import { CliError } from "./error.ts";

/**
 * A folder that may not be read has nothing for those who look, as with Deno that is not told to permit it: that is no answer, and throws
 * `CliError`.
 */
export async function programPlaces(): Promise<ProgramPlaces> {
  const home = homeFolder();
  await readdir(home).catch(({ code, message }: NodeJS.ErrnoException) => {
    if (code !== "ENOENT") throw new CliError(`The home folder ${home} cannot be looked into: ${message}.`);
  });
  return { env: process.env, home, platform: process.platform };
}
