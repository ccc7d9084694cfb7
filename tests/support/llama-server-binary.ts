// The real llama-server of this machine, for tests that need one.
import { findLlamaServer } from "../../adapters/llama-server/find-program.ts";

/** Where the tests look for it. */
export const PLACE = { named: process.env.INGLE_LLAMA_SERVER, env: process.env };

/** Its path, or why there is none, fit for a test's name. */
export async function realServer(): Promise<{ path: string; skip?: undefined } | { path?: undefined; skip: string }> {
  try {
    return { path: await findLlamaServer(PLACE) };
  } catch (error) {
    return { skip: (error as Error).message };
  }
}
