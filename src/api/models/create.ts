// POST /v1/models: adds a model by repository, address or path. Nothing is dialled for it, and a local file is used in place.
import type { Context } from "hono";
import type { Model } from "../../../models/manifest.ts";
import {
  addressOfName,
  safeFileName,
  idOfName,
  type ModelName,
  parseHubReference,
  parseModelName,
  ModelNameError,
  type HubReference,
} from "../../../models/reference.ts";
import { allParts } from "../../../models/split-gguf.ts";
import type { Deps } from "../deps.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError, invalidValue } from "../../http/errors.ts";
import { quote } from "../../support/quote.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import type { DownloadPlan } from "../../library/pending-models.ts";
import { describeFilesInPlace } from "./local-files.ts";
import { parseBody } from "../../http/validate.ts";
import { toWireModel } from "./wire-form.ts";
import { NewModel } from "./create-request.ts";
import { addUpstream } from "./create-upstream.ts";

type ModelPlace = Exclude<ModelName, { kind: "id" }>;

export async function addModel(c: Context<AppEnv>, deps: Deps): Promise<Response> {
  const request = await parseBody(c, NewModel);
  if (request.base_url !== undefined) return json(c, await addUpstream(c, deps, request, request.base_url));
  const pointless = (["model", "key_env", "slots"] as const).find((name) => request[name] !== undefined);
  if (pointless !== undefined)
    throw invalidValue(`"${pointless}" needs "base_url": it is about a model that other servers run.`, pointless);
  const { named, param } = parsePlace(request);
  const id = request.id ?? idOfName(named);
  if (id === "" || id.length > 200)
    throw invalidValue(`No id can be made of ${quote(request[param]!)}. Choose one with "id".`, "id");
  const { adapter = request.engine, engine = adapter } = request;
  if (engine !== adapter)
    throw invalidValue('"engine" is the older name of "adapter", and they differ. Leave out "engine".', "engine");
  const model = { ...newRecord(id, named, deps.now()), ...(adapter && { engine: adapter }) };
  if (named.kind === "path") return json(c, await addFileInPlace(c, deps, model, named.path, request));
  const allow_private = mayUsePrivateAddress(c, deps, request);
  const asked =
    named.kind === "hub" ? hubModel(model, named.reference, request) : urlModel(model, named.url, request, allow_private);
  await deps.library.addPending({ ...asked, ...(request.allow_private && { allow_private }) });
  if (request.download) await deps.downloads.start(id);
  const there = await deps.library.get(id);
  return json(c, await toWireModel(there ?? asked.model, there === undefined ? "available" : "installed", deps));
}

function mayUsePrivateAddress(c: Context<AppEnv>, { guards, allow_private = false }: Deps, request: NewModel): boolean {
  if (!request.allow_private || allow_private) return allow_private;
  if (isOperator(c, guards.operator_key)) return true;
  throw new ApiError(
    403,
    'Only the commands of the server\'s owner may say "allow_private". Start the server with --allow-private.',
    {
      param: "allow_private",
      code: "url_not_allowed",
    },
  );
}

/** The place of the model, and the field that names it. */
function parsePlace(request: NewModel): { named: ModelPlace; param: "repo" | "source_url" | "path" } {
  const given = (["repo", "source_url", "path"] as const).filter((name) => request[name] !== undefined);
  const [param] = given;
  if (param === undefined)
    throw invalidValue(
      'One of "repo", "source_url", "path" and "base_url" is needed: where is the model?',
      "repo",
      "missing_required_parameter",
    );
  if (given.length > 1) throw invalidValue(`"${given[0]}" and "${given[1]}" are both given. A model has one place.`, given[1]!);
  const text = request[param]!;
  if (param === "path") return { named: { kind: "path", path: text }, param };
  try {
    const named = parseModelName(text);
    if (param === "repo")
      return { named: named.kind === "hub" ? named : { kind: "hub", reference: parseHubReference(text) }, param };
    if (named.kind === "hub" || (named.kind === "url" && URL.canParse(text))) return { named, param };
  } catch (error) {
    if (!(error instanceof ModelNameError)) throw error;
    throw invalidValue(error.message, param);
  }
  throw invalidValue(`"source_url" is ${quote(text)}. It must be the https address of a GGUF file or of a repository.`, param);
}

function newRecord(id: string, named: ModelPlace, created: number): Model {
  const words = { object: "model", name: id, version: "1.0", description: "", format: "gguf", owned_by: "" } as const;
  return { id, ...words, created, source_url: addressOfName(named), settings: {}, parameters: {}, metadata: {}, files: [] };
}

function hubModel(model: Model, reference: HubReference, { sha256, size }: NewModel): DownloadPlan {
  if (sha256 !== undefined || size !== undefined)
    throw invalidValue(
      "The hub says itself how long its files are and what their sha256 is.",
      sha256 === undefined ? "size" : "sha256",
    );
  const [owner = ""] = reference.repo.split("/");
  return { model: { ...model, owned_by: owner, metadata: { author: owner } }, reference };
}

function urlModel(model: Model, address: string, { sha256, size }: NewModel, allow_private: boolean): DownloadPlan {
  const url = new URL(address);
  if (url.username !== "" || url.password !== "")
    throw invalidValue("An address with a user name or a password is not fetched.", "source_url", "url_not_allowed");
  if (url.protocol !== "https:" && !allow_private)
    throw invalidValue(
      `${quote(address)} is plain http, which anybody on the way can change. Use https, or start the server with --allow-private.`,
      "source_url",
      "url_not_allowed",
    );
  const parts = allParts(url.href);
  const known = { ...(size && { size }), ...(sha256 && { sha256 }) };
  if (parts.length > 1 && Object.keys(known).length > 0)
    throw invalidValue(
      `The model has ${parts.length} parts, so one "size" or "sha256" says nothing of it.`,
      size ? "size" : "sha256",
    );
  const files = parts.map((part) => ({
    name: safeFileName(new URL(part).pathname),
    ...known,
    sources: [{ type: "url" as const, url: part }],
  }));
  return { model: { ...model, files } };
}

async function addFileInPlace(c: Context<AppEnv>, deps: Deps, model: Model, path: string, { sha256, size, download }: NewModel) {
  const pointless = sha256 === undefined ? (download ? "download" : undefined) : "sha256";
  if (pointless !== undefined)
    throw invalidValue(`"${pointless}" is for models that are fetched. A file is used where it is, as it is.`, pointless);
  const within = isOperator(c, deps.guards.operator_key) ? undefined : (deps.models_dir ?? null);
  const taken = await describeFilesInPlace(model, path, within);
  const [{ size: found = 0 } = {}] = taken.files;
  if (size !== undefined && size !== found) throw invalidValue(`The file has ${found} bytes instead of ${size}.`, "size");
  const known = await deps.library.get(model.id);
  if (known?.source_url === taken.source_url) return toWireModel(known!, "installed", deps);
  await deps.library.addWithoutDownload(taken);
  return toWireModel(taken, "installed", deps);
}
