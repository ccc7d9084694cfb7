// Where programs keep the files of a user, on each platform. The packages that know it ask for the home folder while they are imported,
// which fails for accounts that have none.
import { homedir, platform } from "node:os";
import { join } from "node:path";
import { absoluteFolder, homeFolder } from "../../models/absolute-path.ts";
import type { Variables } from "./hub-options.ts";

/** The variable that names the folder of all programs, where it is below the home folder else, and what is below it. */
type Place = [variable: string | undefined, usual: string, ...below: string[]];

const XDG: Record<"data" | "config", Place> = {
  data: ["XDG_DATA_HOME", ".local/share", "ingle"],
  config: ["XDG_CONFIG_HOME", ".config", "ingle"],
};
const PLACES: Partial<Record<NodeJS.Platform, typeof XDG>> = {
  darwin: {
    data: [undefined, "Library/Application Support", "ingle"],
    config: [undefined, "Library/Preferences", "ingle"],
  },
  win32: {
    data: ["LOCALAPPDATA", "AppData/Local", "ingle", "Data"],
    config: ["APPDATA", "AppData/Roaming", "ingle", "Config"],
  },
};

/** A folder of the platform; `earlier` is what Node made of it where HOME is empty, which is none. Throws `PathError` for a relative one. */
export function platformFolder(kind: "data" | "config", env: Variables): { folder: string; earlier: string } {
  const [variable, usual, ...below] = (PLACES[platform()] ?? XDG)[kind];
  const given = variable && env[variable];
  if (given) absoluteFolder(given, variable);
  const folder = join(given || join(homeFolder(), usual), ...below);
  return { folder, earlier: given || !isHomeEmpty() ? folder : join(usual, ...below) };
}

function isHomeEmpty(): boolean {
  try {
    return homedir() === "";
  } catch {
    return false;
  }
}
