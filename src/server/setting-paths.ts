// The settings that are paths, made absolute; and what lies where an earlier ingle looked, for which `~` was the name of a folder and every
// path counted from the working folder.
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { absolutePath, PathError } from "../../models/absolute-path.ts";
import { COLLECTIONS, isDataFolder } from "../storage/file-names.ts";
import { pathOfStore, withPathOfStore, type DriverChoice } from "../storage/store-path.ts";
import { shellWords } from "../support/shell-words.ts";

/** Where a setting was given. */
export interface SettingOrigin {
  /** As the person knows it: `--data`, `INGLE_DATA`, `"data" in /etc/ingle.json`. */
  name: string;
  /** A relative path counts from it. */
  folder: string;
  /** The path as an earlier ingle made it up, where that is another one. */
  earlier?: string;
  /** The same file is read wherever a server is started: service managers start it in these folders. */
  service_folders?: string[];
  /** How the person would write another value in its place, as it is to stand in a sentence: `"--data=/srv/ai"`. */
  write(value: string): string;
}

interface PathSettings {
  data: string;
  store: string | DriverChoice;
  llama_server?: string | undefined;
  models_dir?: string | undefined;
}

interface Surroundings {
  /** The working folder, and those that relative paths may have counted from. */
  working_folders: string[];
  /** The variable PATH: the name of a program without a folder is looked for there first. */
  search_path?: string | undefined;
}

/**
 * The same settings with absolute paths. Throws `PathError` for a path that cannot be read as one, and where something lies at the path as
 * an earlier ingle read it and nothing at the new one.
 */
export function withAbsolutePaths<Settings extends PathSettings>(
  settings: Settings,
  originOf: (name: keyof PathSettings) => SettingOrigin,
  { working_folders, search_path }: Surroundings,
): Settings {
  const { data, store, llama_server, models_dir } = settings;
  const read = (text: string, origin: SettingOrigin, kind: PlaceKind) => readPath(text, origin, kind, working_folders);
  const readProgram = (text: string): string =>
    programOnPath(text, search_path) ?? read(text, originOf("llama_server"), ANYTHING);
  const records = pathOfStore(store);
  const origin = originOf("store");
  const ofStore = { ...origin, write: (path: string) => origin.write(asText(withPathOfStore(store, path))) };
  return {
    ...settings,
    data: read(data, originOf("data"), DATA_FOLDER),
    ...(records !== undefined && { store: withPathOfStore(store, read(records, ofStore, RECORDS)) }),
    ...(llama_server !== undefined && { llama_server: readProgram(llama_server) }),
    ...(models_dir !== undefined && { models_dir: read(models_dir, originOf("models_dir"), ANYTHING) }),
  };
}

function programOnPath(name: string, search_path = ""): string | undefined {
  if (/[/\\]/.test(name)) return undefined;
  const folders = search_path.split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => resolve(join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const asText = (store: string | DriverChoice): string => (typeof store === "string" ? store : JSON.stringify(store));

interface PlaceKind {
  noun: string;
  isAt(path: string): boolean;
}

const DATA_FOLDER: PlaceKind = { noun: "a data folder", isAt: (path) => isDataFolder(namesIn(path)) };
const RECORDS: PlaceKind = { noun: "a store", isAt: (path) => COLLECTIONS.some((name) => namesIn(path).includes(name)) };
export const ANYTHING: PlaceKind = { noun: "something", isAt: existsSync };

/** The path as an absolute one. Throws `PathError` as `withAbsolutePaths` does. */
export function readPath(text: string, origin: SettingOrigin, { noun, isAt }: PlaceKind, working_folders: string[]): string {
  const path = absolutePath(text, origin.name, origin.folder);
  // Anything may lie in the root folder: only what is surely of ingle is looked for there.
  const folders = isAt === existsSync ? working_folders : [...working_folders, ...(origin.service_folders ?? [])];
  const placeIn = (folder: string): string => resolve(folder, origin.earlier ?? text);
  const started_in = folders.find((folder) => placeIn(folder) !== path && isAt(placeIn(folder)));
  if (started_in === undefined || isAt(path)) return path;
  const earlier = placeIn(started_in);
  const found = `Earlier versions, started in ${resolve(started_in)}, read that as ${earlier}, where ${noun} lies; now it is ${path}, where none lies.`;
  const keep = `To go on with it, write ${origin.write(earlier)}${moveRemedy(earlier, path)}.`;
  throw new PathError(
    `${origin.name} is ${JSON.stringify(text)}. ${found} ${keep} For a new one at the new place, write ${origin.write(path)}.`,
  );
}

/** Empty where something is in the way. */
function moveRemedy(from: string, to: string): string {
  const there = namesIn(to);
  if (there.length > 0 || (existsSync(to) && !statSync(to).isDirectory())) return "";
  const steps = [
    ...(existsSync(dirname(to)) ? [] : [["mkdir", "-p", dirname(to)]]),
    // Else it would be moved into the empty folder.
    ...(existsSync(to) ? [["rmdir", to]] : []),
    ["mv", from, to],
  ];
  return `, or move it while no ingle runs, with "${steps.map(shellWords).join(" && ")}"`;
}

/** The names in a folder; none where it is not there, or may not be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
