import { defineCommand } from "citty";
import { withApi } from "./api.ts";
import { DATA_ARGS, JSON_ARG } from "./setting-args.ts";
import { printResult } from "./print.ts";

export default defineCommand({
  args: {
    id: { type: "positional", required: true, description: "The model, as `ingle list` names it" },
    ...JSON_ARG,
    ...DATA_ARGS,
  },
  run: ({ args: { id, json, ...settings } }) =>
    withApi(settings, { command: "rm" }, async (api) => {
      const removed = await api.json<object>(`/v1/models/${encodeURIComponent(id)}`, { method: "DELETE" });
      printResult(`${id} is removed.`, removed, json);
    }),
});
