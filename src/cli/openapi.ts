// `ingle openapi`: the reference of the API, as OpenAPI.
import { defineCommand } from "citty";
import manifest from "../../package.json" with { type: "json" };
import { loadReference } from "../server/app.ts";
import { print } from "./print.ts";

export default defineCommand({
  async run() {
    const { referenceDocument } = await loadReference();
    print(JSON.stringify(referenceDocument(manifest.version), null, 2));
  },
});
