// What clients ask of the engine of a model: whether it can be, and whether they may.
import type { Context } from "hono";
import {
  ADAPTER_OPTIONS,
  type AdapterOptions,
  type AdapterOptionsChange,
  changedOptions,
  findContradiction,
  findMisfit,
  type LoraFile,
  type OptionFault,
} from "../../../models/adapter-options.ts";
import { readGgufFile } from "../../../models/gguf/header.ts";
import { whyNoLora } from "../../../models/gguf/kind.ts";
import type { Model } from "../../../models/manifest.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError, invalidValue } from "../../http/errors.ts";
import { isOperator } from "../../http/middleware/auth.ts";
import { quote } from "../../support/quote.ts";
import { resolveFile } from "./local-files.ts";

/**
 * The options that the model has after the change; undefined where it has none. Nothing is changed. Throws `ApiError` 400 for what its engine
 * cannot honour, and 403 for files that are the owner's to name.
 */
export async function decideOptions(
  c: Context<AppEnv>,
  deps: Deps,
  model: Model,
  change: AdapterOptionsChange,
): Promise<AdapterOptions | undefined> {
  if (change.lora !== undefined) checkMayNameFiles(c, deps);
  const lora = change.lora && (await resolveLora(change.lora));
  const options = changedOptions(model.adapter_options, { ...change, ...(lora && { lora }) });
  if (options === undefined) return undefined;
  refuseUnknown(deps, model, options);
  const contradiction = findContradiction(options);
  if (contradiction !== undefined) throw refusal(contradiction);
  const header = await readHeader(deps, model);
  if (header === undefined) return options;
  const misfit = findMisfit(options, header);
  if (misfit !== undefined) throw refusal(misfit);
  for (const [index, { path }] of (lora ?? []).entries()) {
    const fault = whyNoLora(await readGgufFile(path), header);
    if (fault !== undefined) throw invalidValue(`${quote(path)} cannot be used: ${fault}`, loraParam(index));
  }
  return options;
}

const loraParam = (index: number): string => `adapter_options.lora[${index}].path`;

const refusal = ({ option, message }: OptionFault): ApiError =>
  invalidValue(`"${option}" cannot be used: ${message}`, `adapter_options.${option}`);

function checkMayNameFiles(c: Context<AppEnv>, { guards }: Deps): void {
  if (isOperator(c, guards.operator_key)) return;
  const message = 'Only the server\'s owner may say which files change a model: with "ingle set MODEL --lora PATH".';
  throw new ApiError(403, message, { param: "adapter_options.lora", code: "path_not_allowed" });
}

/** With the places of the files themselves, links followed, as of models that are used in place. */
async function resolveLora(files: LoraFile[]): Promise<LoraFile[]> {
  return Promise.all(
    files.map(async (file, index) => {
      const { real } = await resolveFile(file.path, undefined, loraParam(index));
      const header = await readGgufFile(real).catch((error: Error) => {
        throw invalidValue(`${quote(file.path)} cannot be used: ${error.message}`, loraParam(index));
      });
      const fault = whyNoLora(header);
      if (fault !== undefined) throw invalidValue(`${quote(file.path)} cannot be used: ${fault}`, loraParam(index));
      return { ...file, path: real };
    }),
  );
}

function refuseUnknown({ adapterOf }: Deps, model: Model, options: AdapterOptions): void {
  const { name, options: honoured = [] } = adapterOf(model);
  const unknown = ADAPTER_OPTIONS.find((option) => options[option] !== undefined && !honoured.includes(option));
  if (unknown === undefined) return;
  const way = honoured.length > 0 ? `It has ${honoured.join(", ")}.` : "It has none: leave it out.";
  throw invalidValue(
    `"${unknown}" is no option of the adapter ${name}, which runs ${quote(model.id)}. ${way}`,
    `adapter_options.${unknown}`,
  );
}

/** The header of the model's file; undefined where that is not here, or cannot be read, which its load says. */
async function readHeader({ library }: Deps, model: Model) {
  if (model.files.length === 0) return undefined;
  return library.resolve(model).then(
    ({ path }) => readGgufFile(path).catch(() => undefined),
    () => undefined,
  );
}
