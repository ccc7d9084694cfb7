// POST /v1/import: what `ingle import` asks of a running server. The folder is read here, so only the server's owner may ask.
import { Hono } from "hono";
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { sse } from "../../http/sse.ts";
import { parseBody } from "../../http/validate.ts";

const ImportRequest = v.object({ folder: v.pipe(v.string(), v.nonEmpty()) });

/** One event, the report, after as long a silence as it takes. `app.ts` sees to it that only the owner comes here. */
export const importRoutes = (deps: Deps, importFolder: NonNullable<Deps["importFolder"]>) =>
  new Hono<AppEnv>().post("/", async function importOldFolder(c) {
    const { folder } = await parseBody(c, ImportRequest);
    const report = async function* () {
      yield await importFolder(folder);
    };
    // Begun, it is not left half done because somebody does not wait for its report.
    return sse(report(), new AbortController(), { onError: (error) => deps.onError(error, c) });
  });
