import { defineCommand } from "citty";
import { dataFolder } from "../config.ts";
import { ApiError } from "../errors.ts";
import { openLibrary } from "../library.ts";
import { CliError } from "./error.ts";

export default defineCommand({
  meta: { name: "rm", description: "Remove a model and the files that were downloaded for it." },
  args: {
    id: { type: "positional", required: true, description: "The model, as `ingle list` names it" },
    data: { type: "string", description: "The data folder", valueHint: "folder" },
  },
  async run({ args: { id, data } }) {
    const removed = await openLibrary(dataFolder(data))
      .remove(id)
      .catch((error) => {
        throw error instanceof ApiError ? new CliError(error.message, 1, { cause: error }) : error;
      });
    if (!removed) throw new CliError(`There is no model "${id}" to remove. "ingle list" shows the models that are there.`);
    console.log(`${id} is removed.`);
  },
});
