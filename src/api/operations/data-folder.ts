// POST /v1/data-folder/key: how a command of this machine learns that the server holds its folder, and gets the operator's key. It needs
// no API key: what it answers is of use to nobody but who has put a secret into the server's data folder.
import { Hono } from "hono";
import * as v from "valibot";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError } from "../../http/errors.ts";
import { parseBody } from "../../http/validate.ts";
import type { SealKey } from "../../storage/lock/folder-proof.ts";
import { object } from "../objects.ts";

export const KeyRequest = object({ digest: v.pipe(v.string(), v.regex(/^[\da-f]{64}$/, "64 characters of hex are needed.")) });

export const dataFolderRoutes = (sealKey: SealKey) =>
  new Hono<AppEnv>().post("/key", async function giveKey(c) {
    const sealed_key = await sealKey((await parseBody(c, KeyRequest)).digest);
    if (sealed_key !== undefined) return json(c, { sealed_key });
    throw new ApiError(403, "The server holds another data folder.", { code: "folder_not_held" });
  });
