import { defineCommand } from "citty";
import { withApi } from "./api.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { print } from "./print.ts";

export default defineCommand({
  args: {
    id: { type: "positional", required: true, description: "The model, as `ingle list` names it" },
    ...DATA_ARGS,
  },
  run: ({ args: { id, ...settings } }) =>
    withApi(settings, { command: "rm" }, async (api) => {
      await api.request(`/v1/models/${encodeURIComponent(id)}`, { method: "DELETE" });
      print(`${id} is removed.`);
    }),
});
