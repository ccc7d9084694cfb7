import { defineCommand } from "citty";
import { catalog, DEFAULT_MODEL } from "../../models/catalog.ts";
import type { Progress } from "../../models/sources.ts";
import { readConfig } from "../config.ts";
import type { DownloadEvent } from "../downloads.ts";
import { connect, eventsOf, type Api } from "./api.ts";
import { DATA } from "./data-args.ts";
import { CliError, RefusedError } from "./error.ts";
import { showProgress, size } from "./progress.ts";

const SIGNALS = ["SIGINT", "SIGTERM"];

export default defineCommand({
  meta: { name: "pull", description: "Download a model of the catalogue." },
  args: {
    id: { type: "positional", default: DEFAULT_MODEL, description: "The model, as `ingle list --catalog` names it" },
    ...DATA,
  },
  async run({ args: { id, ...settings } }) {
    const api = await connect(readConfig(settings), { command: "pull" });
    try {
      console.log((await pull(api, id)) ? `${id} is downloaded.` : `${id} is already there.`);
    } finally {
      await api.close();
    }
  },
});

/**
 * Downloads a model and draws it on standard error; false when it was there. Ctrl-C stops it and keeps the bytes.
 * Throws `CliError`. `serve --pull` comes here too.
 */
export async function pull(api: Api, id: string): Promise<boolean> {
  const path = `/v1/models/download/${encodeURIComponent(id)}`;
  let stopped = false;
  const onSignal = (): void => {
    stopped = true;
    void api.ask(path, { method: "DELETE" }).catch(() => {}); // It has just ended.
  };
  for (const name of SIGNALS) process.once(name, onSignal);
  try {
    const { downloaded } = (await (await api.ask(path, { method: "POST" })).json()) as { downloaded: boolean };
    if (downloaded) return false;
    let last: DownloadEvent | undefined;
    const events = eventsOf<DownloadEvent>(await api.ask(`${path}/events`));
    await showProgress(
      id,
      stepsOf(events, (event) => (last = event)),
    );
    // By us, by another who asked for that, or because the server ends.
    if (last?.state !== "done") throw new CliError(whatIsKept(id, last?.bytes ?? 0), stopped ? 130 : 1);
    return true;
  } catch (error) {
    throw error instanceof RefusedError && error.code === "model_not_found" ? new CliError(unknownModel(id)) : error;
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
}

/** The events of a job as what is drawn. Throws `CliError` with the reason when it failed. */
async function* stepsOf(events: AsyncIterable<DownloadEvent>, onEvent: (event: DownloadEvent) => void): AsyncGenerator<Progress> {
  for await (const event of events) {
    onEvent(event);
    if (event.state === "failed" && event.error !== undefined) throw new CliError(event.error.message);
    // Without a source nobody was asked yet.
    if (event.source !== "") yield event;
  }
}

function whatIsKept(id: string, kept: number): string {
  return kept === 0 ? "Stopped. Nothing is kept." : `Stopped. ${size(kept)} are kept; "ingle pull ${id}" goes on from there.`;
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
