// The options of every command that looks into the data folder.
export const DATA = {
  data: { type: "string", description: "The data folder", valueHint: "folder" },
  store: {
    type: "string",
    description: "Where records are kept, if not there: memory, fs:FOLDER, redis://…",
    valueHint: "store",
  },
  config: { type: "string", description: "Configuration file, JSON with these names", valueHint: "file" },
} as const;

/** `stream-default` of the command line is `stream_default` of the settings. */
export function withUnderscores(flags: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).map(([name, value]) => [name.replaceAll("-", "_"), value]));
}
