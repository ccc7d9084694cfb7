// POST /v1/models: adds a model by repository, address or path. Nothing is dialled for it, and a local file is used in place.
import { realpath } from "node:fs/promises";
import type { Context } from "hono";
import { isPermitted } from "../../../models/download/addresses.ts";
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
import { clientOf } from "../../http/client-of.ts";
import { digestOf, isOperator } from "../../http/middleware/auth.ts";
import type { DownloadPlan, ModelUse } from "../../library/pending-models.ts";
import { decideOptions } from "./adapter-options.ts";
import { checkNewId } from "./model-id.ts";
import { parseBody } from "../../http/validate.ts";
import { toWireModel } from "./wire-form.ts";
import { NewModel } from "./schema.ts";
import { newModelRecord } from "./new-record.ts";
import { addUpstream } from "./create-upstream.ts";

type ModelPlace = Exclude<ModelName, { kind: "id" }>;

export async function addModel(c: Context<AppEnv>, deps: Deps): Promise<Response> {
  const request = await parseBody(c, NewModel);
  if (request.base_url !== undefined) return json(c, await addUpstream(c, deps, request, request.base_url));
  const pointless = (["model", "key_env", "slots"] as const).find((name) => request[name] !== undefined);
  if (pointless !== undefined)
    throw invalidValue(`"${pointless}" needs "base_url": it is about a model that other servers run.`, pointless);
  const place = parsePlace(request);
  const id = request.id ?? idOfName(place);
  checkNewId(id);
  const { adapter = request.engine, engine = adapter } = request;
  if (engine !== adapter)
    throw invalidValue('"engine" is the older name of "adapter", and they differ. Leave out "engine".', "engine");
  const model = { ...newModelRecord(id, deps.now()), source_url: addressOfName(place), ...(adapter && { engine: adapter }) };
  if (place.kind === "path") return json(c, await addFileInPlace(c, deps, model, place.path, request));
  const allow_private = mayUsePrivateAddress(c, deps, request);
  const isPlainAllowed = (url: URL): boolean => allow_private || isPermitted(url, deps.download_hosts ?? []);
  const plan =
    place.kind === "hub" ? planFromHub(model, place.reference, request) : planFromUrl(model, place.url, request, isPlainAllowed);
  const use = await useOf(c, deps, plan.model, request);
  const wanted = { ...plan, model: { ...plan.model, ...use }, ...(request.allow_private && { allow_private }) };
  await deps.library.addPending(wanted, pendingClientOf(c, deps));
  await changeUse(deps, plan.model, use);
  if (request.download) await deps.downloads.start(id);
  const installed = await deps.library.get(id);
  return json(c, await toWireModel(installed ?? wanted.model, installed === undefined ? "available" : "installed", deps));
}

/** What the request says of how the model is used. Throws as `decideOptions`. */
async function useOf(c: Context<AppEnv>, deps: Deps, model: Model, { adapter_options: change }: NewModel): Promise<ModelUse> {
  const { engine } = model;
  const adapter = engine === undefined ? {} : { engine };
  if (change === undefined) return adapter;
  const known = (await deps.library.get(model.id)) ?? (await deps.library.getPending(model.id));
  const before = { ...model, adapter_options: known?.adapter_options, engine: engine ?? known?.engine };
  return { ...adapter, adapter_options: await decideOptions(c, deps, before, change) };
}

/** A model that is known is used as it is said this time; who uses it goes on with the old engine. */
async function changeUse({ library, pool }: Deps, model: Model, use: ModelUse): Promise<void> {
  if (Object.keys(use).length > 0 && (await library.setUse(model.id, use, model))) void pool.unload(model.id);
}

/** Kept in the record. Commands have another key with each start of the server, but are one client. */
function pendingClientOf(c: Context<AppEnv>, { guards }: Deps): string {
  const client = isOperator(c, guards.operator_key) ? "operator" : clientOf(c, guards);
  return client && digestOf(client).toString("base64url").slice(0, 16);
}

function mayUsePrivateAddress(c: Context<AppEnv>, { guards, allow_private = false }: Deps, request: NewModel): boolean {
  if (!request.allow_private || allow_private) return allow_private;
  if (isOperator(c, guards.operator_key)) return true;
  const message = 'Only the owner\'s own commands may send "allow_private". Start the server with --allow-private.';
  throw new ApiError(403, message, { param: "allow_private", code: "url_not_allowed" });
}

/** The place of the model. */
function parsePlace(request: NewModel): ModelPlace {
  const places = (["repo", "source_url", "path"] as const).filter((name) => request[name] !== undefined);
  const [param] = places;
  if (param === undefined) {
    const message = 'One of "repo", "source_url", "path" and "base_url" is needed: where is the model?';
    throw invalidValue(message, "repo", "missing_required_parameter");
  }
  if (places.length > 1)
    throw invalidValue(`"${places[0]}" and "${places[1]}" are both given. A model has one place.`, places[1]!);
  const text = request[param]!;
  if (param === "path") return { kind: "path", path: text };
  try {
    const place = parseModelName(text);
    if (param === "repo") return place.kind === "hub" ? place : { kind: "hub", reference: parseHubReference(text) };
    if (place.kind === "hub" || (place.kind === "url" && URL.canParse(text))) return place;
  } catch (error) {
    if (!(error instanceof ModelNameError)) throw error;
    throw invalidValue(error.message, param);
  }
  throw invalidValue(`"source_url" is ${quote(text)}. It must be the https address of a GGUF file or of a repository.`, param);
}

function planFromHub(model: Model, reference: HubReference, request: NewModel): DownloadPlan {
  const pointless = (["sha256", "size"] as const).find((name) => request[name] !== undefined);
  if (pointless !== undefined)
    throw invalidValue("The hub says itself how long its files are and what their sha256 is.", pointless);
  const [owner = ""] = reference.repo.split("/");
  return { model: { ...model, owned_by: owner, metadata: { author: owner } }, reference };
}

function planFromUrl(
  model: Model,
  address: string,
  { sha256, size }: NewModel,
  isPlainAllowed: (url: URL) => boolean,
): DownloadPlan {
  const url = new URL(address);
  if (url.username !== "" || url.password !== "")
    throw invalidValue("An address with a user name or a password is not fetched.", "source_url", "url_not_allowed");
  if (url.protocol !== "https:" && !isPlainAllowed(url)) {
    const what = `${quote(address)} is plain http, which anybody on the way can change. Use https, or`;
    throw new ApiError(400, `${what} start the server with --allow-private or --download-hosts ${url.hostname}.`, {
      param: "source_url",
      code: "url_not_allowed",
      owner_message: `${what} add --allow-private.`,
    });
  }
  const parts = allParts(url.href);
  const expected = { ...(size && { size }), ...(sha256 && { sha256 }) };
  const [limiting] = Object.keys(expected);
  if (parts.length > 1 && limiting !== undefined)
    throw invalidValue(`The model has ${parts.length} parts, so one "size" or "sha256" cannot stand for it.`, limiting);
  const files = parts.map((part) => ({
    name: safeFileName(new URL(part).pathname),
    ...expected,
    sources: [{ type: "url" as const, url: part }],
  }));
  return { model: { ...model, files } };
}

async function addFileInPlace(c: Context<AppEnv>, deps: Deps, model: Model, path: string, request: NewModel) {
  const { sha256, size, download } = request;
  const pointless = sha256 === undefined ? (download ? "download" : undefined) : "sha256";
  if (pointless !== undefined)
    throw invalidValue(`"${pointless}" is for models that are fetched. A file is used where it is, as it is.`, pointless);
  const for_owner = isOperator(c, deps.guards.operator_key);
  const within = for_owner ? undefined : (deps.models_dir ?? null);
  const { describeFilesInPlace } = await import("./local-files.ts");
  const found_there = await describeFilesInPlace(model, path, within);
  const use = await useOf(c, deps, found_there, request);
  const added = { ...found_there, ...use };
  const [{ size: found = 0 } = {}] = added.files;
  if (size !== undefined && size !== found) throw invalidValue(`The file has ${found} bytes instead of ${size}.`, "size");
  await changeUse(deps, added, use);
  const known = await deps.library.get(model.id);
  if (known === undefined || !(await isSameFile(known, added))) {
    await deps.library.addWithoutDownload(added);
    return toWireModel(added, "installed", deps, { for_owner });
  }
  const taken = await deps.library.takeAsItIs(known, added);
  // The engine has read what was there before; who uses it goes on.
  if (taken !== known) void deps.pool.unload(model.id);
  return toWireModel(taken, "installed", deps, { for_owner });
}

/** By the place of the first file too: an imported record says where its file once came from, and an older one where a link leads to. */
async function isSameFile(known: Model, added: Model): Promise<boolean> {
  if (known.source_url === added.source_url) return true;
  const [one, other] = [known.files[0]?.path, added.files[0]?.path];
  if (one === undefined || other === undefined) return false;
  const placeOf = (path: string): Promise<string> => realpath(path).catch(() => path);
  return (await placeOf(one)) === (await placeOf(other));
}
