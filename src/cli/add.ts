import { defineCommand } from "citty";
import { splitAtCommas } from "../server/read-config.ts";
import { withApi } from "./api.ts";
import { DATA_ARGS, JSON_ARG } from "./setting-args.ts";
import { CliError } from "./error.ts";
import { printResult } from "./print.ts";

export default defineCommand({
  args: {
    id: { type: "positional", required: true, description: "Id of the model here" },
    "base-url": {
      type: "string",
      required: true,
      description: "Address of the API, such as http://10.0.0.7:8000/v1; several with commas between them",
      valueHint: "url",
    },
    as: { type: "string", description: "Name of the model on those servers (the id)", valueHint: "name" },
    "key-env": {
      type: "string",
      description: "Environment variable with the key of those servers; its name begins with INGLE_UPSTREAM_",
      valueHint: "variable",
    },
    slots: { type: "string", description: "Requests that each server gets at a time (16)" },
    ...JSON_ARG,
    ...DATA_ARGS,
  },
  async run({ args: { id, "base-url": addresses, as: model, "key-env": key_env, slots, json, ...settings } }) {
    const body = {
      id,
      base_url: splitAtCommas(addresses),
      ...(model !== undefined && { model }),
      ...(key_env !== undefined && { key_env }),
      ...(slots !== undefined && { slots: wholeNumber(slots) }),
    };
    await withApi(settings, { command: "add" }, async (api) => {
      const model = await api.json<{ upstream: { urls: string[] } }>("/v1/models", { method: "POST", body });
      printResult(`${id} is run by ${model.upstream.urls.join(", ")}.`, model, json);
    });
  },
});

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new CliError(`"--slots" is "${text}". It must be a whole number.`, 2);
}
