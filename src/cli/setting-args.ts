// The options of a command that are settings, as server/settings.ts describes them.
import { defaultOf, flagOf, SETTINGS, variableOf, type Setting, type SettingName } from "../server/settings.ts";

/** The option for a setting: `keep-alive` for `keep_alive`, and `init`, which may be negated, for `no_init`. */
type OptionName<Name extends string> = Name extends `no_${infer Option}` ? Option : Dashed<Name>;
type Dashed<Name extends string> = Name extends `${infer Head}_${infer Tail}` ? `${Head}-${Dashed<Tail>}` : Name;

/** `variable`: of the environment, which sets it too. */
type OptionArg<Name extends SettingName> = {
  description: string;
  variable: string;
} & ((typeof SETTINGS)[Name]["kind"] extends "switch"
  ? { type: "boolean"; negativeDescription?: string }
  : { type: "string"; valueHint?: string });

type SettingArgs<Name extends SettingName> = { [Each in Name as OptionName<Each>]: OptionArg<Each> };

export function settingArgs<Name extends SettingName>(...names: Name[]): SettingArgs<Name> {
  return Object.fromEntries(names.map(optionOf)) as SettingArgs<Name>;
}

function optionOf(name: SettingName): [string, object] {
  const { kind, description, opposite, hint }: Setting = SETTINGS[name];
  // Without a default: that neither of the two was written lets the environment and the file speak.
  const variable = variableOf(name);
  if (name.startsWith("no_"))
    return [name.slice(3), { type: "boolean", description: opposite, negativeDescription: description, variable }];
  if (kind === "switch") return [flagOf(name), { type: "boolean", description, variable }];
  const usual = defaultOf(name);
  const text = usual === undefined ? description : `${description} (${usual})`;
  return [flagOf(name), { type: "string", description: text, variable, ...(hint && { valueHint: hint }) }];
}

export const CONFIG_ARG = {
  config: {
    type: "string",
    description: "Configuration file, JSON with the names of the settings",
    valueHint: "file",
    variable: "INGLE_CONFIG",
  },
} as const;

/** The option of a command whose result is a sentence. */
export const JSON_ARG = {
  json: { type: "boolean", default: false, description: "One JSON object instead of a sentence" },
} as const;

/** The options of every command that works with the data folder. */
export const DATA_ARGS = { ...settingArgs("data", "store"), ...CONFIG_ARG };

/** The options of a command line by the names of their settings, for `readConfig`; further ones are left as they are. */
export function settingsOf({ init, ...options }: Record<string, unknown>): Record<string, unknown> {
  const named = Object.entries(options).map(([option, value]) => [option.replaceAll("-", "_"), value]);
  return { ...Object.fromEntries(named), ...(init !== undefined && { no_init: !init }) };
}
