import { defineCommand } from "citty";
import { withApi } from "./api.ts";
import { printResult } from "./print.ts";
import { DATA_ARGS, JSON_ARG } from "./setting-args.ts";

export default defineCommand({
  args: {
    id: { type: "positional", required: true, description: "The model, as `ingle ps` names it" },
    ...JSON_ARG,
    ...DATA_ARGS,
  },
  run: ({ args: { id, json, ...settings } }) =>
    withApi(settings, { command: "stop", reads: true }, async (api) => {
      const stopped = await api.json<object>(`/v1/models/${encodeURIComponent(id)}/stop`, { method: "POST" });
      printResult(`${id} is not loaded any more.`, stopped, json);
    }),
});
