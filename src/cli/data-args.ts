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
