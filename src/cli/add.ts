import { defineCommand } from "citty";
import { splitAtCommas } from "../server/read-config.ts";
import { withApi } from "./api.ts";
import { DATA_ARGS } from "./setting-args.ts";
import { CliError } from "./error.ts";
import { print } from "./print.ts";

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
    ...DATA_ARGS,
  },
  async run({ args: { id, "base-url": addresses, as: model, "key-env": key_env, slots, ...settings } }) {
    const body = {
      id,
      base_url: splitAtCommas(addresses),
      ...(model !== undefined && { model }),
      ...(key_env !== undefined && { key_env }),
      ...(slots !== undefined && { slots: wholeNumber(slots) }),
    };
    await withApi(settings, { command: "add" }, async (api) => {
      const { upstream } = await api.json<{ upstream: { urls: string[] } }>("/v1/models", { method: "POST", body });
      print(`${id} is run by ${upstream.urls.join(", ")}.`);
    });
  },
});

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new CliError(`"--slots" is "${text}". It must be a whole number.`, 2);
}
