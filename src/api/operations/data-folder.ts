// POST /v1/data-folder/key: how a command of this machine learns that the server holds its folder, and gets the operator's key. It needs
// no API key: what it answers is of use to nobody but who has put a secret into the server's data folder.
import * as v from "valibot";
import { json } from "../../http/json.ts";
import { ApiError } from "../../http/errors.ts";
import { parseBody } from "../../http/validate.ts";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { object } from "../objects.ts";

export const KeyRequest = object({ digest: v.pipe(v.string(), v.regex(/^[\da-f]{64}$/, "64 characters of hex are needed.")) });

export const dataFolderHandlers = ({ sealKey }: Deps) =>
  ({
    async giveKey(c) {
      const sealed_key = await sealKey?.((await parseBody(c, KeyRequest)).digest);
      if (sealed_key !== undefined) return json(c, { sealed_key });
      throw new ApiError(403, "The server holds another data folder.", { code: "folder_not_held" });
    },
  }) satisfies Handlers;
