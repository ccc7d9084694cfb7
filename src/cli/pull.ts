import { defineCommand } from "citty";
import { PINNABLE_ADAPTERS } from "../../adapters/registry.ts";
import { catalog } from "../../models/catalog.ts";
import { idOfName, type ModelName, parseModelName, ModelNameError } from "../../models/reference.ts";
import { LISTING_MS } from "../../models/sources/source.ts";
import { sourceOptions } from "../server/read-config.ts";
import type { DownloadEvent } from "../library/download-event.ts";
import type { MemoryFit } from "../inference/memory-estimator.ts";
import { readEvents, withApi, type Api } from "./api.ts";
import { DATA_ARGS, JSON_ARG, settingArgs } from "./setting-args.ts";
import { chooseModel } from "./choose-model.ts";
import { CliError, RefusedError } from "./error.ts";
import { pathArgument } from "./path-argument.ts";
import { printNote, printResult } from "./print.ts";
import { formatBytes } from "../support/quantities.ts";
import { showProgress } from "./progress.ts";
import { describeFit } from "./show.ts";

const SIGNALS = ["SIGINT", "SIGTERM"];

export default defineCommand({
  args: {
    model: {
      type: "positional",
      required: false,
      description:
        "An id of `ingle list --catalog`, hf:owner/repo[:QUANT | /file.gguf], an https address, or a path; without it, what there is is shown",
    },
    id: { type: "string", description: "Id of the model here (made of its name)" },
    sha256: { type: "string", description: "SHA-256 that the file at that address must have" },
    adapter: {
      type: "string",
      description: `Adapter that runs the model: ${PINNABLE_ADAPTERS.join(" or ")} (that of \`serve\`)`,
    },
    engine: { type: "string", description: "The older name of --adapter" },
    ...settingArgs("allow_private", "download_hosts", "offline"),
    ...JSON_ARG,
    ...DATA_ARGS,
  },
  async run({ args: { model: named, id, sha256, engine, adapter = engine, json, ...flags } }) {
    await withApi(flags, { command: "pull" }, async (api, config) => {
      const { offline, allow_private = false } = sourceOptions(config);
      const model = named ?? (await chooseModel(api));
      if (api.server !== undefined && flags["download-hosts"] !== undefined)
        throw new CliError(`The server at ${api.server} fetches by its own settings. Start it with --download-hosts.`);
      const { id: known, added } = await ensureKnown(api, model, { id, sha256, adapter, allow_private });
      if (api.server !== undefined && known === model && flags["allow-private"])
        throw new CliError(`The server at ${api.server} fetches "${model}" by its own settings. Start it with --allow-private.`);
      if (api.server !== undefined && offline) await checkIsHere(api, known);
      const downloaded = await pull(api, known).catch(async (error) => {
        if (added) await forgetIfNothingCame(api, known).catch(() => {});
        throw error;
      });
      const what = await describePulled(api, known).catch(() => "");
      const sentence = `${known} is ${downloaded ? "downloaded" : "there"}${what}.`;
      printResult(sentence, { id: known, downloaded }, json);
    });
  },
});

/** The id of the model of that name; a name that is not an id is `added` to the library first, unless it is known. Throws `CliError`. */
async function ensureKnown(
  api: Api,
  name: string,
  { id, sha256, adapter, allow_private }: NewModelOptions,
): Promise<{ id: string; added: boolean }> {
  const named = parseArgument(name);
  if (named.kind === "id") {
    if (id === undefined && sha256 === undefined && adapter === undefined) return { id: name, added: false };
    throw new CliError(`"${name}" is an id already, so --id, --sha256 and --adapter say nothing of it.`, 2);
  }
  const body = {
    ...(named.kind === "path" && { path: named.path.startsWith("file:") ? named.path : pathArgument(named.path, "MODEL") }),
    ...(named.kind === "url" && { source_url: name }),
    ...(named.kind === "hub" && { repo: name }),
    ...(id && { id }),
    ...(sha256 && { sha256 }),
    ...(adapter && { adapter }),
    ...(allow_private && named.kind !== "path" && { allow_private }),
  };
  // What is no id is for the API to refuse.
  const find = async () => readModel(api, id ?? idOfName(named));
  const before = await find().catch(() => undefined);
  const model = await api.json<{ id: string }>("/v1/models", { method: "POST", body });
  return { id: model.id, added: before === undefined };
}

const pathOf = (id: string): string => `/v1/models/${encodeURIComponent(id)}`;

/** Also of a model that is not here. Throws `CliError` where it is not known. */
const readModel = (api: Api, id: string) =>
  api.json<{ state: string; capabilities: string[]; partial_bytes?: number }>(`${pathOf(id)}?catalog=true`);

/** A model that this command has added stays only where something of it came: its name may be mistyped. */
async function forgetIfNothingCame(api: Api, id: string): Promise<void> {
  const { state, partial_bytes = 0 } = await readModel(api, id);
  if (state === "available" && partial_bytes === 0) await api.request(pathOf(id), { method: "DELETE" });
}

/** What a model is for that cannot chat; empty for one that can. */
async function describePulled(api: Api, id: string): Promise<string> {
  const { capabilities } = await readModel(api, id);
  if (capabilities.includes("chat")) return "";
  if (capabilities.includes("rerank")) return ", a model that ranks texts: POST /v1/rerank";
  return capabilities.includes("embeddings")
    ? ", a model for embeddings: POST /v1/embeddings"
    : ", a model that ingle does not run";
}

/** The server may fetch, but this command may not have it fetch. */
async function checkIsHere(api: Api, id: string): Promise<void> {
  const { state } = await readModel(api, id);
  if (["available", "damaged", "downloading", "queued", "waiting"].includes(state))
    throw new CliError(`The model "${id}" is not here, and --offline fetches nothing. Pull it without --offline.`);
}

type NewModelOptions = Record<"id" | "sha256" | "adapter", string | undefined> & { allow_private: boolean };

function parseArgument(name: string): ModelName {
  try {
    return parseModelName(name);
  } catch (error) {
    throw error instanceof ModelNameError ? new CliError(error.message, 2) : error;
  }
}

/**
 * Downloads a model, with its progress on standard error; false when it was there. `attended`: a person waits for it, so the list of its
 * files may take half a minute, and Ctrl-C stops the download and keeps the bytes. Throws `CliError`.
 */
export async function pull(api: Api, id: string, attended = true): Promise<boolean> {
  const path = `/v1/models/download/${encodeURIComponent(id)}`;
  const leave = new AbortController();
  let stopped = false;
  const onSignal = (): void => {
    stopped = true;
    // The download may just have ended. Where its folder is away, nothing more is to be heard of it.
    const onRefusal = (error: Error): void => {
      if (!(error instanceof RefusedError) || error.code !== "download_not_found") leave.abort();
    };
    void api.request(path, { method: "DELETE" }).catch(onRefusal);
  };
  if (attended) for (const name of SIGNALS) process.once(name, onSignal);
  try {
    const { downloaded } = await api.json<{ downloaded: boolean }>(path, { method: "POST" });
    if (downloaded) return false;
    void warnIfTooLarge(api, id);
    let last: DownloadEvent | undefined;
    let begun = false;
    const events = readEvents<DownloadEvent>(await api.request(`${path}/events`, { signal: leave.signal }));
    const onEvent = (event: DownloadEvent): void => {
      last = event;
      begun ||= event.state === "downloading";
    };
    const steps = progressOf(events, onEvent, attended ? LISTING_MS : Infinity);
    await showProgress(id, steps);
    // Stopped by Ctrl-C, by a DELETE of another client, or because the server ends.
    if (last?.state !== "done") throw new CliError(begun ? stoppedMessage(id, last?.bytes ?? 0) : NOT_BEGUN, stopped ? 130 : 1);
    return true;
  } catch (error) {
    throw error instanceof RefusedError && error.code === "model_not_found"
      ? new CliError(error.message + (await hints(id, error.message.endsWith("?"))))
      : error;
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
}

/** Only a warning: a model that does not fit here may be meant for another machine. */
async function warnIfTooLarge(api: Api, id: string): Promise<void> {
  const fitOf = async (query: string): Promise<MemoryFit | undefined> => {
    const model = await api.json<{ fit?: MemoryFit }>(`${pathOf(id)}${query}`).catch(() => undefined);
    return model?.fit;
  };
  // The size of a model that is not in the catalogue stands in the header of its file.
  const fit = (await fitOf("?catalog=true")) ?? (await fitOf("?catalog=true&fit=true"));
  if (fit !== undefined && !fit.fits) printNote(`Memory: ${describeFit(fit)}.`);
}

/** The events of a download job as steps of its progress. Throws `CliError` with the reason when it failed. */
async function* progressOf(events: AsyncIterable<DownloadEvent>, onEvent: (event: DownloadEvent) => void, listing_ms: number) {
  let said = false;
  let waits: string | undefined;
  const patience_ends = (Date.now() + listing_ms) / 1000;
  for await (const event of events) {
    onEvent(event);
    const wait = event.state === "waiting" && event.problem !== undefined ? waitNote(event) : undefined;
    if (wait !== undefined && event.listing && event.retry_at! >= patience_ends)
      throw new CliError(`${event.problem} What ${event.model_id} consists of is not known yet. Pull it again later.`);
    if (wait !== undefined && wait !== waits) printNote((waits = wait));
    if (event.state === "failed" && event.error !== undefined) throw new CliError(event.error.message);
    if (event.state === "queued" && event.source === "" && !said)
      printNote(`${event.model_id} is queued: other downloads come first.`);
    said ||= event.state === "queued";
    // Until the job has begun, its source is empty.
    if (event.source !== "" && wait === undefined) yield event;
  }
}

function waitNote({ model_id, problem, retry_at = 0 }: DownloadEvent): string {
  const time = new Date(retry_at * 1000).toLocaleTimeString("en-GB");
  return `${model_id} is waiting: ${problem} The next try is at ${time}; what has come is kept.`;
}

const NOT_BEGUN = "Stopped before it began. What an earlier download has left is kept.";

function stoppedMessage(id: string, kept: number): string {
  if (kept === 0) return "Stopped. Nothing is kept.";
  return `Stopped. ${formatBytes(kept)} are kept; "ingle pull ${id}" goes on from there.`;
}

/** What may have been meant, where nothing was `guessed`: ids that share a word of three letters or more with what was typed, or a repository. */
async function hints(id: string, guessed: boolean): Promise<string> {
  const words = id.toLowerCase().match(/[a-z0-9.]{3,}/g) ?? [];
  const near = (await catalog()).filter((model) => words.some((word) => model.id.includes(word)));
  const named = guessed ? "" : near.map(({ id }) => id).join(", ");
  const hub = /^[\w.-]+\/[\w.-]+(:[\w.-]+)?$/.test(id) ? ` Of Hugging Face it is hf:${id}.` : "";
  return `${hub}${named && ` Near are: ${named}.`}`;
}
