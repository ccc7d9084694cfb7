import { defineCommand } from "citty";
import { catalog, DEFAULT_MODEL } from "../../models/catalog.ts";
import { DownloadError } from "../../models/download.ts";
import { dataFolder, sourceOptions } from "../config.ts";
import { ApiError } from "../errors.ts";
import { type Library, openLibrary } from "../library.ts";
import { CliError } from "./error.ts";
import { showProgress, size } from "./progress.ts";

const SIGNALS = ["SIGINT", "SIGTERM"];

export default defineCommand({
  meta: { name: "pull", description: "Download a model of the catalogue." },
  args: {
    id: { type: "positional", default: DEFAULT_MODEL, description: "The model, as `ingle list --catalog` names it" },
    data: { type: "string", description: "The data folder", valueHint: "folder" },
  },
  async run({ args: { id, data } }) {
    const library = openLibrary(dataFolder(data));
    const fetched = await pull(library, id);
    console.log(fetched ? `${id} is downloaded.` : `${id} is already there.`);
  },
});

/**
 * Downloads a model and draws it on standard error; false when it was there. Ctrl-C stops it and keeps the bytes.
 * Throws `CliError`. `serve --pull` comes here too.
 */
export async function pull(library: Library, id: string): Promise<boolean> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const name of SIGNALS) process.once(name, onSignal);
  try {
    return (await showProgress(id, library.pull(id, sourceOptions(), stop.signal))) !== undefined;
  } catch (error) {
    if (stop.signal.aborted) throw new CliError(stopped(id, await library.partial(id)), 130);
    throw asCliError(error, id);
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
}

function stopped(id: string, kept: number): string {
  return kept === 0 ? "Stopped. Nothing is kept." : `Stopped. ${size(kept)} are kept; "ingle pull ${id}" goes on from there.`;
}

function asCliError(error: unknown, id: string): unknown {
  if (error instanceof ApiError && error.code === "model_not_found") return new CliError(unknownModel(id));
  if (error instanceof ApiError || error instanceof DownloadError) return new CliError(error.message, 1, { cause: error });
  return error;
}

/** Near: an id that shares a word of three letters or more with what was typed. */
function unknownModel(id: string): string {
  const words = id
    .toLowerCase()
    .split(/[^a-z0-9.]+/)
    .filter((word) => word.length >= 3);
  const near = catalog().filter((model) => words.some((word) => model.id.includes(word)));
  const named = near.map((model) => model.id).join(", ");
  return `There is no model "${id}" in the catalogue.${named && ` Near are: ${named}.`} "ingle list --catalog" shows all.`;
}
