// model.json (Jan up to 0.5) and model.yml (cortex, Jan since 0.5.8) -> what of it a model of ours keeps.
import { posix, win32 } from "node:path";
import * as v from "valibot";
import { parse as parseYaml } from "yaml";
import { Model, type ModelFile } from "../../models/manifest.ts";
import { isNestedDeeper, isObject, type JsonObject } from "../support/json.ts";
import { asArray, asObject, DEEPEST, parseDocuments, nonEmptyString } from "./json.ts";

export interface Manifest {
  id: string;
  /** Of the file, below the old folder. */
  path: string;
  /** Where the weights are said to be, the surest first: relative to the old folder or to this file, or absolute. */
  references: string[];
  engine: string | undefined;
  sha256: string | undefined;
  /** Bytes of the weights, where it is known for certain. */
  size: number | undefined;
  /** As it stands there. */
  old: JsonObject;
  settings: JsonObject;
  parameters: JsonObject;
}

/** `place` is the folder of all models. A sentence where there is no manifest in the text. */
export function parseManifest(path: string, text: string, place: string): Manifest | string {
  const old = path.endsWith(".json") ? parseDocuments(text).values[0] : parseYamlObject(text);
  if (old === undefined) return `It is not ${path.endsWith(".json") ? "JSON" : "YAML"}, or it describes no model.`;
  const settings = isObject(old.settings) ? old.settings : old;
  const sha256 = nonEmptyString(old.model_sha256)?.toLowerCase();
  return {
    id: idOf(old, path, place),
    path,
    references: referencesOf(old, settings),
    engine: nonEmptyString(old.engine),
    sha256: sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
    size: typeof old.model_size_bytes === "number" ? old.model_size_bytes : undefined,
    old,
    settings,
    parameters: isObject(old.parameters) ? old.parameters : old,
  };
}

function parseYamlObject(text: string): JsonObject | undefined {
  try {
    // cortex writes some keys twice; aliases are how a small text becomes a large value.
    const value: unknown = parseYaml(text, { uniqueKeys: false, maxAliasCount: 100, logLevel: "error" });
    return isObject(value) && !isNestedDeeper(value, DEEPEST) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Jan's own is the path of the folder; cortex gives its models names such as `tinyllama:1b`, in `model`. */
function idOf(old: JsonObject, path: string, place: string): string {
  const below = path.slice(place.length + 1).replace(/\.(json|ya?ml)$/, "");
  const file = posix.basename(below);
  const folder = below.slice(0, -file.length - 1);
  if (place.startsWith("llamacpp/")) return folder;
  const of_path = file === "model" ? folder : file;
  return (nonEmptyString(old.model) ?? nonEmptyString(old.id) ?? of_path.replace(/^(cortex\.so|huggingface\.co)\//, "")).trim();
}

function referencesOf(old: JsonObject, settings: JsonObject): string[] {
  const said = [
    old.model_path,
    ...asArray(old.files),
    settings.llama_model_path,
    settings.model_path,
    ...sourcesOf(old).flatMap(({ url, filename }) => [url, filename]),
    old.source_url,
  ];
  return said.flatMap((one) => nonEmptyString(one) ?? []).filter((one) => !/mmproj/i.test(one));
}

const sourcesOf = (old: JsonObject): JsonObject[] => asArray(old.sources).filter(isObject);

/** `files` are the weights; `created` in seconds. What is out of the range that ours has is left out, and named. */
export function toModel(manifest: Manifest, files: { path: string; size: number }[], created: number) {
  const { old, id, settings, parameters, sha256 } = manifest;
  const losses: string[] = [];
  const within = (where: string, entries: Record<string, v.GenericSchema>, values: JsonObject): JsonObject => {
    const kept = Object.entries(entries).flatMap(([key, schema]): [string, unknown][] => {
      const value = values[key];
      if (value === undefined || value === null) return [];
      const result = v.safeParse(schema, value);
      if (result.success) return [[key, result.output]];
      losses.push(`Its ${where} "${key}" was left out: it is not within the range that it can have here.`);
      return [];
    });
    return Object.fromEntries(kept);
  };
  const { prompt_template, ...other_settings } = Model.entries.settings.wrapped.entries;
  const fits = nonEmptyString(settings.prompt_template)?.includes("{prompt}") === true;
  const urls = [old.source_url, ...sourcesOf(old).map(({ url }) => url)];
  const source_url = urls
    .flatMap((one) => nonEmptyString(one) ?? [])
    .find((one) => /^https?:\/\//.test(one) && URL.canParse(one));
  if (nonEmptyString(old.mmproj_path) ?? nonEmptyString(settings.mmproj)) losses.push("Its projector for images was left out.");

  const model = v.parse(Model, {
    id,
    name: (nonEmptyString(old.name) ?? id).slice(0, 200),
    version: String(old.version ?? "1.0").slice(0, 40),
    description: nonEmptyString(old.description)?.slice(0, 4096) ?? "",
    created,
    owned_by: nonEmptyString(old.owned_by)?.slice(0, 200) ?? "",
    ...(source_url === undefined ? {} : { source_url }),
    settings: within("setting", fits ? { prompt_template, ...other_settings } : other_settings, settings),
    parameters: within("parameter", Model.entries.parameters.wrapped.entries, parameters),
    metadata: {
      ...within("metadata", Model.entries.metadata.wrapped.entries, asObject(old.metadata)),
      size: files.reduce((sum, { size }) => sum + size, 0),
    },
    files: files.map((file, at): v.InferInput<typeof ModelFile> => ({
      name: nameOf(file.path),
      size: file.size,
      path: file.path,
      ...(sha256 !== undefined && at === 0 && files.length === 1 ? { sha256 } : {}),
    })),
  });
  return { model, losses };
}

/** The last name of a path, without what a name here cannot have. */
function nameOf(path: string): string {
  return win32
    .basename(path)
    .slice(-200)
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^[.-]/, "_");
}
