// A model as the API shows it.
import type { Model, Source } from "../../models/model.ts";
import type { Deps } from "../deps.ts";

/** `damaged`: its record cannot be read. `available`: it is in the catalogue alone. */
export type Kind = "installed" | "damaged" | "available";

/** The document's `Model`, OpenAI's `created` and `owned_by`, and what has become of it here. */
export async function shownModel(model: Model, kind: Kind, deps: Deps) {
  const { files, settings, parameters, metadata, ...rest } = model;
  const sources = files.flatMap((file) => file.sources.map((source) => ({ filename: file.name, ...place(source) })));
  const state = await stateOf(model, kind, deps);
  const left = state === "available" || state === "damaged" ? await deps.library.partial(model.id) : 0;
  return {
    ...rest,
    created_at: model.created,
    source_url: [model.source_url, ...sources.map(({ url }) => url)].find(isUri) ?? urn(model.id),
    owned_by: model.owned_by || metadata.author || "",
    settings,
    parameters,
    metadata: { ...metadata, size: metadata.size ?? files.reduce((sum, { size = 0 }) => sum + size, 0) },
    engine: model.engine ?? deps.adapter,
    sources,
    state,
    // What a stopped download has left.
    ...(left > 0 && { partial_bytes: left }),
    context_length: model.context_length ?? null,
    capabilities: ["chat"],
  };
}

async function stateOf(model: Model, kind: Kind, { engines, downloads, library }: Deps) {
  if (downloads.state(model.id) === "downloading") return "downloading";
  if (kind !== "installed") return kind;
  const state = engines.state(model.id);
  if (state !== "stopped") return state;
  return library.resolve(model).then(
    () => state,
    () => "damaged" as const,
  );
}

function place(source: Source): { type: Source["type"]; url?: string; package?: string } {
  if (source.type === "url") return { type: source.type, url: source.url };
  if (source.type === "pip") return { type: source.type, package: `${source.package}==${source.version}` };
  return { type: source.type, url: `https://huggingface.co/${source.repo}/resolve/${source.revision}/${source.file}` };
}

function isUri(text: string | undefined): text is string {
  return text !== undefined && URL.canParse(text);
}

/** The document wants an address of every model. */
function urn(id: string): string {
  return `urn:ingle:${encodeURIComponent(id.toWellFormed())}`;
}
