// POST /v1/models with `base_url`: a model that other servers with OpenAI's API run. None of them is dialled for it.
import { isDeepStrictEqual } from "node:util";
import type { Context } from "hono";
import { normalizeBaseUrl, BaseUrlError } from "../../../models/base-url.ts";
import type { Model, Upstream } from "../../../models/manifest.ts";
import type { Deps } from "../deps.ts";
import { ApiError, invalidValue } from "../../http/errors.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { checkNewId } from "./model-id.ts";
import { toWireModel } from "./wire-form.ts";
import { newModelRecord } from "./new-record.ts";
import type { NewModel } from "./schema.ts";

const OF_FILES = [
  "repo",
  "source_url",
  "path",
  "sha256",
  "size",
  "allow_private",
  "adapter",
  "engine",
  "adapter_options",
  "download",
] as const;

/** The model in its wire form. Throws `ApiError` 400, 403, and 409 `model_exists` for an id that stands for another one. */
export async function addUpstream(c: Context, deps: Deps, request: NewModel, base_url: string | string[]) {
  checkMayNameServers(c, deps);
  const pointless = OF_FILES.find((name) => request[name] !== undefined && request[name] !== false);
  if (pointless !== undefined) {
    const message = `"${pointless}" and "base_url" are both given. A model that other servers run has no file here.`;
    throw invalidValue(message, pointless);
  }
  const { id } = request;
  if (id === undefined)
    throw invalidValue('"id" is missing: what is the model to be called here?', "id", "missing_required_parameter");
  checkNewId(id);
  const upstream = upstreamOf(request, [base_url].flat());
  const known = await deps.library.get(id);
  if (known !== undefined && isDeepStrictEqual(known.upstream, upstream))
    return toWireModel(known, "installed", deps, { for_owner: true });
  const record = newModelRecord(id, deps.now());
  const model: Model = { ...record, format: "api", source_url: upstream.urls[0]!, upstream };
  await deps.library.addWithoutDownload(model);
  return toWireModel(model, "installed", deps, { for_owner: true });
}

/**
 * A request that names a server makes this one dial it, from inside its network, and send it conversations and a key. Only the owner
 * may decide that, whatever the settings allow for downloads.
 */
function checkMayNameServers(c: Context, { guards }: Deps): void {
  if (isOperator(c, guards.operator_key)) return;
  throw new ApiError(403, 'Only the server\'s owner may add a model that other servers run: with "ingle add".', {
    param: "base_url",
    code: "url_not_allowed",
  });
}

function upstreamOf({ model, key_env, slots }: NewModel, addresses: string[]): Upstream {
  const urls = [...new Set(addresses.map(parseBaseUrl))];
  return { urls, ...(model !== undefined && { model }), ...(key_env !== undefined && { key_env }), ...(slots && { slots }) };
}

function parseBaseUrl(address: string): string {
  try {
    return normalizeBaseUrl(address);
  } catch (error) {
    throw error instanceof BaseUrlError ? invalidValue(error.message, "base_url") : error;
  }
}
