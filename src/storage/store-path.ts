// The path in a setting of the store. No driver is loaded for it: every command reads its settings.

/** A driver by its unstorage name, with the options it takes. */
export interface DriverChoice {
  driver: string;
  [option: string]: unknown;
}

/** The options of drivers that are paths of this machine. */
const PATH_OPTIONS: Record<string, string> = {
  ...{ fs: "base", "fs-lite": "base", fsLite: "base" },
  ...{ "deno-kv": "path", denoKV: "path", "deno-kv-node": "path", denoKVNode: "path" },
};

/** The driver that `fs:FOLDER` or `fs-lite:FOLDER` means; undefined for another text. */
export function storeInFolder(text: string): DriverChoice | undefined {
  const [, driver, base] = /^(fs|fs-lite):(.*)$/s.exec(text) ?? [];
  return driver === undefined ? undefined : { driver, base };
}

/** The place on the disk that a setting names beside the data folder; undefined where it names none. */
export function pathOfStore(setting: string | DriverChoice): string | undefined {
  const choice = typeof setting === "string" ? storeInFolder(setting) : setting;
  const option = PATH_OPTIONS[choice?.driver ?? ""] ?? "";
  const path = choice?.[option];
  // Deno's drivers also take `:memory:` and an address.
  const is_elsewhere = option === "path" && /^:|:\/\//.test(String(path));
  return typeof path === "string" && path !== "" && !is_elsewhere ? path : undefined;
}

/** The same setting with another path, where it names one. */
export function withPathOfStore(setting: string | DriverChoice, path: string): string | DriverChoice {
  if (typeof setting === "string") return setting.replace(/(?<=:).*$/s, () => path);
  return { ...setting, [PATH_OPTIONS[setting.driver]!]: path };
}
