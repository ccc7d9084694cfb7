// Reads something from the file of a model, and says in a sentence of ours where that cannot be read.
import { GgufError } from "../../models/gguf/header.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { AdapterError } from "../adapter.ts";

/** What `read` makes of the file. Throws `AdapterError` `model_load_failed` where it cannot be read. */
export async function readModelFile<T>(
  { id, path }: Pick<InstalledModel, "id" | "path">,
  read: (path: string) => Promise<T>,
): Promise<T> {
  try {
    return await read(path);
  } catch (error) {
    const { message } = error as Error;
    const reason = error instanceof GgufError ? message : `its file cannot be read (${message.replaceAll(path, "its file")})`;
    const public_message =
      error instanceof GgufError
        ? undefined
        : `Model "${id}" cannot be loaded: its file cannot be read. The server's log says why.`;
    throw new AdapterError("model_load_failed", `Model "${id}" cannot be loaded: ${reason}`, { public_message, cause: error });
  }
}
