// POST /v1/data-folder/nonce and /v1/data-folder/key: how the commands of this machine learn that the server holds their folder, and get
// the operator's key. Both need no API key: without a file in the server's own data folder they give nothing.
import { Hono } from "hono";
import * as v from "valibot";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError } from "../../http/errors.ts";
import { parseBody } from "../../http/validate.ts";
import type { FolderProof } from "../../storage/lock/folder-proof.ts";

const NonceRequest = v.object({ token: v.string() });
const KeyRequest = v.object({ nonce: v.string() });

export const dataFolderRoutes = (proof: FolderProof, operator_key: string) =>
  new Hono<AppEnv>()
    .post("/nonce", async function issueNonce(c) {
      const nonce = proof.issueNonce((await parseBody(c, NonceRequest)).token);
      if (nonce === undefined) throw refusal("The token is not that of this server's lock.", "lock_not_held");
      return json(c, { nonce });
    })
    .post("/key", async function redeemNonce(c) {
      const found = await proof.redeemNonce((await parseBody(c, KeyRequest)).nonce);
      if (found === "expired") throw refusal("The nonce is unknown or used. Ask for another one.", "nonce_expired");
      if (found === "unmarked") throw refusal("The server holds another data folder.", "folder_not_held");
      return json(c, { key: operator_key });
    });

const refusal = (message: string, code: string): ApiError => new ApiError(403, message, { code });
